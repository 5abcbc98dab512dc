"""What a split by time trains on and predicts, by hand, and that nothing that trains is later than what is predicted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from sracl.data import datasets
from sracl.data.by_time import divided, label, moment
from sracl.data.interactions import Interactions
from sracl.data.splits import (
    Prefixes,
    evaluation_prefixes,
    histories,
    seen,
    spans,
    training_counts,
    training_prefixes,
    user_prefixes,
    whole_histories,
)
from sracl.errors import DataError
from sracl.samplers.history_prefix import HistoryPrefix
from sracl.samplers.prefix import Prefix
from sracl.samplers.user import User
from sracl.samplers.window import Window
from tests.data.conftest import by_hand
from tests.data.test_splits import rows

L = 20


def shop(target: str = "last", *, valid: float = 0.45, test: float = 0.8) -> Interactions:
    """Four users with twenty interactions: nine of them are earlier than 10, and sixteen than 17, where the parts begin."""
    timed = {
        0: [(1, 0), (2, 1), (3, 10), (4, 11), (5, 16), (6, 19)],  # trains on 2, validates, tests
        1: [(2, 2), (3, 3), (1, 4), (7, 5), (2, 6)],  # trains alone
        2: [(5, 7), (4, 8), (6, 12), (8, 13), (1, 14)],  # trains on 2, validates
        3: [(8, 15), (7, 17), (9, 18), (3, 20)],  # nothing trains, and the first is not predicted, since none is before it
    }
    data = by_hand([[item for item, _ in sequence] for sequence in timed.values()])
    times = np.array([time for sequence in timed.values() for _, time in sequence], dtype=np.float64)
    return divided(dataclasses.replace(data, times=times), {"by": "time", "valid": valid, "test": test, "target": target})


def test_what_trains_by_hand() -> None:
    data = shop()
    assert data.trained.tolist() == [2, 5, 2, 0]
    assert rows(training_prefixes(data, L), data) == [
        (0, [1], 2),
        (1, [2], 3),
        (1, [2, 3], 1),
        (1, [2, 3, 1], 7),
        (1, [2, 3, 1, 7], 2),
        (2, [5], 4),
    ]
    assert rows(user_prefixes(data, L), data) == [(0, [1], 2), (1, [2, 3, 1, 7], 2), (2, [5], 4)]
    assert rows(histories(data), data) == [(0, [1, 2], 0), (1, [2, 3, 1, 7, 2], 0), (2, [5, 4], 0)]
    assert training_counts(data).tolist() == [2, 3, 1, 1, 1, 0, 1, 0, 0]


def test_the_last_of_each_user_is_predicted_after_all_before_it() -> None:
    data = shop()
    assert rows(evaluation_prefixes(data, "valid", L), data) == [(0, [1, 2, 3, 4], 5), (2, [5, 4, 6, 8], 1)]
    assert rows(evaluation_prefixes(data, "test", L), data) == [(0, [1, 2, 3, 4, 5], 6), (3, [8, 7, 9], 3)]
    assert seen(data, evaluation_prefixes(data, "test", 2)).tolist() == [[1, 2, 3, 4, 5], [7, 8, 9, 0, 0]]


def test_the_first_of_each_user_is_predicted_on_request() -> None:
    data = shop("first")
    assert rows(evaluation_prefixes(data, "valid", L), data) == [(0, [1, 2], 3), (2, [5, 4], 6)]
    assert rows(evaluation_prefixes(data, "test", L), data) == [(0, [1, 2, 3, 4, 5], 6), (3, [8], 7)]


def test_a_user_may_train_to_the_last_interaction_and_whole_histories_are_whole() -> None:
    data = shop()
    assert rows(whole_histories(data, 3), data)[1] == (1, [1, 7, 2], 0)
    assert rows(spans(data, np.array([1]), np.array([5]), 2), data) == [(1, [7, 2], 0)]
    with pytest.raises(ValueError, match="the last that trains"):
        spans(data, np.array([0]), np.array([3]), 2)


def test_the_note_says_what_it_comes_to() -> None:
    assert shop().notes == (
        "divided by time: 9 interactions before 10 train; 2 users validate from then on, and 2 users test from 17 on, "
        "1 of them with an item that no one had before",
    )


def test_labels_tell_splits_apart_and_leave_one_out_is_as_it_was(toy: Interactions) -> None:
    assert label("leave-one-out") == "leave-one-out"
    assert label({"by": "time", "valid": 0.8, "test": 0.9, "target": "last"}) == "by time 0.8/0.9 (last item)"
    assert toy.training_fingerprint == toy.fingerprint
    assert len({shop().training_fingerprint, shop(valid=0.6).training_fingerprint, "by hand"}) == 3
    assert shop().training_fingerprint == shop("first").training_fingerprint == shop(test=0.9).training_fingerprint  # the same trains
    assert shop().fingerprint == "by hand"


def test_moments_read_as_dates_where_they_are_seconds() -> None:
    assert (moment(1_577_836_800.0), moment(12.5), moment(1e12)) == ("2020-01-01", "12.5", "1000000000000")


@pytest.mark.parametrize("sampler", [Prefix, User, Window, HistoryPrefix])
@pytest.mark.parametrize("target", ["first", "last"])
def test_nothing_that_trains_is_later_than_what_is_predicted(sampler: Any, target: str) -> None:
    demo = datasets.load("demo")
    data = divided(demo, {"by": "time", "valid": 0.8, "test": 0.9, "target": target})
    assert data.times is not None
    made: Prefixes = sampler(None).rows(data, L)
    assert len(made) > 300
    furthest = made.stops - 1 + (made.targets > 0)  # place of the last interaction read or predicted
    first = {split: data.times[evaluation_prefixes(data, split, L).stops] for split in ("valid", "test")}
    assert data.times[furthest].max() < first["valid"].min()
    assert first["valid"].max() < first["test"].min()


def test_data_without_times_or_without_room_are_refused(toy: Interactions) -> None:
    settings = {"by": "time", "valid": 0.8, "test": 0.9, "target": "last"}
    with pytest.raises(DataError, match="does not say when anything was chosen"):
        divided(toy, settings)
    at_once = dataclasses.replace(toy, times=np.full(toy.num_interactions, 3.0))
    with pytest.raises(DataError, match="these are of 3 and 3, the first of all of 3, and all three have to differ"):
        divided(at_once, settings)
    # only the first interactions of users fall into the second part
    late = by_hand([[1, 2, 3], [4, 5, 6]])
    late = dataclasses.replace(late, times=np.array([0.0, 1, 2, 10, 20, 30]))
    with pytest.raises(DataError, match="has no user who validates when it is divided at 10 and 20"):
        divided(late, {**settings, "valid": 0.5, "test": 0.7})


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_times_that_fall_within_a_user_are_refused(toy: Interactions, wrong: float) -> None:
    """The first of that user's would train, and be later than what is predicted."""
    times = np.arange(toy.num_interactions, dtype=np.float64)
    divided(dataclasses.replace(toy, times=times), {"by": "time", "valid": 0.5, "test": 0.8, "target": "last"})
    times[toy.offsets[1] + 1] = wrong
    with pytest.raises(DataError, match=f"goes back in time with user '{toy.users[1]}'"):
        divided(dataclasses.replace(toy, times=times), {"by": "time", "valid": 0.5, "test": 0.8, "target": "last"})
    with pytest.raises(DataError, match="times for"):
        divided(dataclasses.replace(toy, times=times[:-1]), {"by": "time", "valid": 0.5, "test": 0.8, "target": "last"})


def test_times_of_a_folder_come_with_it(make_folder: Any) -> None:
    make_folder(interactions="user\titem\ttimestamp\na\tx\t1\nb\tz\t2\na\ty\t3\nb\tx\t4\na\tz\t5\nb\ty\t4\n")
    data = datasets.load("toy")
    assert data.times is not None
    assert data.times.tolist() == [1, 3, 5, 2, 4, 4]
    make_folder("plain", interactions="user\titem\na\tx\na\ty\na\tz\n")
    assert datasets.load("plain").times is None
