"""Figures of a data set, by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sracl.data.interactions import Interactions
from sracl.data.statistics import statistics


def test_figures_by_hand(toy: Interactions) -> None:
    figures = statistics(toy)
    # lengths 3, 4, 6; training rows read 1 | 1, 2, 3 items; items 1..7 are chosen 2, 4, 2, 1, 1, 1, 2 times
    assert (figures["users"], figures["items"], figures["interactions"]) == (3, 7, 13)
    assert figures["density"] == pytest.approx(13 / 21)
    assert figures["training_samples"] == 4
    assert figures["mean_training_length"] == pytest.approx(7 / 4)
    assert figures["user_length"] == {"mean": pytest.approx(13 / 3), "min": 3, "median": 4.0, "max": 6}
    assert figures["item_choices"] == {"mean": pytest.approx(13 / 7), "min": 1, "median": 2.0, "max": 4}
    assert figures["users_by_length"] == {"<7": 3, "7-10": 0, ">10": 0}
    assert figures["users_with_repeats"] == 1
    assert figures["items_with"] == {"title": 1.0, "brand": 0.0, "categories": 0.0, "description": 0.0, "attributes": 0.0}


def test_lengths_of_reading_are_cut(toy: Interactions) -> None:
    # rows read min(t, 2) of 1 | 1, 2, 3 items
    assert statistics(toy, max_length=2)["mean_training_length"] == pytest.approx(6 / 4)


def test_what_trains_after_what_tests_by_hand(toy: Interactions) -> None:
    assert statistics(toy)["times"] is statistics(toy)["trained_after_tested"] is None
    # of what trains, 1 | 4 5 | 2 7 2 3 at 0 | 1 2 | 3 4 5 6: later than the tests at 4, 3 and 9 are 2, 3 and 0 of 7
    timed = dataclasses.replace(toy, times=np.array([0.0, 1, 4, 1, 2, 2, 3, 3, 4, 5, 6, 8, 9]))
    figures = statistics(timed)
    assert figures["trained_after_tested"] == pytest.approx((2 + 3 + 0) / (3 * 7))
    assert figures["times"] == "0 to 9"
