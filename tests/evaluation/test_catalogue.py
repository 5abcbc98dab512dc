"""Coverage and novelty by hand, over blocks, and with lists that end early."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sracl.data.splits import training_counts
from sracl.evaluation.catalogue import Shown
from sracl.evaluation.ranking import rank
from tests.data.conftest import by_hand
from tests.evaluation.test_ranking import Fixed, histories


def test_by_hand() -> None:
    # Of 4 items, 1 has five interactions, 2 one, 3 and 4 none: p = 6/10, 2/10, 1/10, 1/10. The first of two lists are 1 and 2;
    # of the lists of two, (1, 3) and (2): one of them has no second item.
    shown = Shown(4, [1, 2])
    shown.add(torch.tensor([[1, 3], [2, 0]]))
    values = shown.metrics(np.array([5, 1, 0, 0]))
    first, second, third = (-math.log2(share) for share in (0.6, 0.2, 0.1))
    assert values == {
        "coverage@1": 0.5,
        "novelty@1": pytest.approx((first + second) / 2),
        "coverage@2": 0.75,
        "novelty@2": pytest.approx((first + second + third) / 3),
    }


def test_two_items_of_which_one_is_all() -> None:
    shown = Shown(2, [1])
    shown.add(torch.tensor([[1]] * 7))
    assert shown.metrics(np.array([3, 0])) == {"coverage@1": 0.5, "novelty@1": pytest.approx(0.321928, abs=1e-6)}


def test_nobody_is_shown_anything() -> None:
    assert Shown(3, [2]).metrics(np.array([1, 1, 1])) == {"coverage@2": 0.0, "novelty@2": 0.0}


def test_is_what_the_ranking_recommends_with_seen_items_and_without() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.4], [3.0, 2.0, 1.0, 0.0], [9.0, 8.0, 7.0, 6.0]])
    seen = torch.tensor([[2, 0], [1, 2], [1, 0]])
    shown = {name: Shown(4, [1, 2]) for name in ("keep", "exclude")}
    plain = rank(Fixed(scores), histories([3, 3, 4]), seen)
    found = rank(Fixed(scores), histories([3, 3, 4]), seen, batch_size=2, shown=shown)
    assert torch.equal(found.keep, plain.keep) and torch.equal(found.exclude, plain.exclude)
    counts = np.ones(4, dtype=np.int64)
    assert {name: of.metrics(counts)["coverage@1"] for name, of in shown.items()} == {"keep": 2 / 4, "exclude": 2 / 4}  # 2 1 1, 3 3 2
    assert {name: of.metrics(counts)["coverage@2"] for name, of in shown.items()} == {"keep": 3 / 4, "exclude": 3 / 4}  # 23 12 12, 34 34 23
    assert shown["keep"].metrics(counts)["novelty@2"] == 2.0  # all alike: log2 4


def test_popularity_is_that_of_what_trains() -> None:
    # the last two of each user validate and test: what trains is 1 2 1, 3 and 2 2
    data = by_hand([[1, 2, 1, 4, 5], [3, 1, 2], [2, 2, 3, 1]])
    assert training_counts(data).tolist() == [2, 3, 1, 0, 0]
