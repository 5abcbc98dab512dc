"""Which rows there are, and that training never reads or predicts what is held out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sracl.data.interactions import Interactions
from sracl.data.splits import (
    Prefixes,
    all_prefixes,
    at_each_position,
    evaluation_prefixes,
    histories,
    seen,
    spans,
    training_prefixes,
    user_prefixes,
    whole_histories,
)
from sracl.errors import DataError

L = 20


def rows(prefixes: Prefixes, interactions: Interactions) -> list[tuple[int, list[int], int]]:
    """(user, items read, target) of every prefix."""
    ranges = zip(prefixes.starts, prefixes.stops, strict=True)
    read = [interactions.items[start:stop].tolist() for start, stop in ranges]
    return list(zip(prefixes.users.tolist(), read, prefixes.targets.tolist(), strict=True))


def test_training_rows_by_hand(toy: Interactions) -> None:
    # n = 3: none; n = 4: t = 1; n = 6: t = 1, 2, 3
    assert rows(training_prefixes(toy, L), toy) == [(1, [4], 5), (2, [2], 7), (2, [2, 7], 2), (2, [2, 7, 2], 3)]


def test_evaluation_rows_by_hand(toy: Interactions) -> None:
    assert rows(evaluation_prefixes(toy, "valid", L), toy) == [(0, [1], 2), (1, [4, 5], 6), (2, [2, 7, 2, 3], 7)]
    assert rows(evaluation_prefixes(toy, "test", L), toy) == [(0, [1, 2], 3), (1, [4, 5, 6], 1), (2, [2, 7, 2, 3, 7], 2)]


def test_all_and_user_rows_by_hand(toy: Interactions) -> None:
    assert all_prefixes(toy, L).visible.tolist() == [1, 2, 1, 2, 3, 1, 2, 3, 4, 5]
    assert rows(user_prefixes(toy, L), toy) == [(1, [4], 5), (2, [2, 7, 2], 3)]


def test_histories_by_hand(toy: Interactions) -> None:
    # all but the last two of each user, whole unless cut
    assert rows(histories(toy), toy) == [(0, [1], 0), (1, [4, 5], 0), (2, [2, 7, 2, 3], 0)]
    assert rows(histories(toy, 2), toy) == [(0, [1], 0), (1, [4, 5], 0), (2, [2, 3], 0)]
    with pytest.raises(ValueError, match="max_length should be at least 1"):
        histories(toy, 0)


def test_spans_by_hand(toy: Interactions) -> None:
    users, last = np.array([2, 2, 0, 2]), np.array([4, 1, 1, 3])
    assert rows(spans(toy, users, last, 2), toy) == [(2, [2, 3], 0), (2, [2], 0), (0, [1], 0), (2, [7, 2], 0)]


@pytest.mark.parametrize(("user", "last"), [(0, 2), (1, 3), (2, 5), (2, 0), (1, -1)])
def test_a_span_that_reaches_beyond_what_trains_is_refused(toy: Interactions, user: int, last: int) -> None:
    with pytest.raises(ValueError, match="ends at 1 … m, the last that trains"):
        spans(toy, np.array([2, user]), np.array([4, last]), L)


def test_at_each_position_changes_nothing_else(toy: Interactions) -> None:
    plain = user_prefixes(toy, L)
    every = at_each_position(plain)
    assert (plain.each_position, every.each_position) == (False, True)
    assert rows(every, toy) == rows(plain, toy)


def test_rows_keep_their_latest_items(toy: Interactions) -> None:
    assert rows(evaluation_prefixes(toy, "test", 2), toy) == [(0, [1, 2], 3), (1, [5, 6], 1), (2, [3, 7], 2)]
    with pytest.raises(ValueError, match="max_length should be at least 1"):
        training_prefixes(toy, 0)


def test_users_who_cannot_be_evaluated_are_an_error(toy: Interactions) -> None:
    short = Interactions("short", toy.items[:2], np.array([0, 2]), ("u0",), toy.item_ids, toy.texts, "short")
    with pytest.raises(DataError, match="fewer than 3 interactions cannot be evaluated"):
        evaluation_prefixes(short, "test", L)


# Counted on the released files: Σ(n - 3), Σ(n - 1) and the mean number of items read by a training row, at most 20.
PUBLISHED = {"office": (38_543, 48_353, 7.98), "beauty": (131_413, 176_139, 6.70)}


def test_published_numbers_of_rows(real_or_demo: Interactions) -> None:
    if real_or_demo.name not in PUBLISHED:
        pytest.skip("generated")
    training, every, mean_length = PUBLISHED[real_or_demo.name]
    prefixes = training_prefixes(real_or_demo, L)
    assert len(prefixes) == training
    assert len(all_prefixes(real_or_demo, L)) == every
    assert round(float((prefixes.stops - prefixes.starts).mean()), 2) == mean_length


def test_training_reaches_no_held_out_position(real_or_demo: Interactions) -> None:
    """By place in the users' sequences, not by item: no row reads or predicts the last two of its user, or another's."""
    for prefixes in (training_prefixes(real_or_demo, L), user_prefixes(real_or_demo, L)):
        begins, ends = real_or_demo.offsets[prefixes.users], real_or_demo.offsets[prefixes.users + 1]
        assert (prefixes.starts >= begins).all()
        assert (prefixes.starts < prefixes.stops).all()
        # The target stands at `stops`; x_{n-1} and x_n stand at ends - 2 and ends - 1.
        assert (prefixes.stops < ends - 2).all()
        assert (prefixes.targets == real_or_demo.items[prefixes.stops]).all()


def test_whole_histories_by_hand(toy: Interactions) -> None:
    assert rows(whole_histories(toy, L), toy) == [(0, [1, 2, 3], 0), (1, [4, 5, 6, 1], 0), (2, [2, 7, 2, 3, 7, 2], 0)]
    assert rows(whole_histories(toy, 2), toy) == [(0, [2, 3], 0), (1, [6, 1], 0), (2, [7, 2], 0)]
    assert not whole_histories(toy, L).has_targets


def test_what_was_seen_is_all_of_a_history_each_item_once(toy: Interactions) -> None:
    tested = evaluation_prefixes(toy, "test", 2)  # reads less than it has seen
    assert seen(toy, tested).tolist() == [[1, 2, 0], [4, 5, 6], [2, 3, 7]]
    assert seen(toy, tested.take(np.array([2, 0]))).tolist() == [[2, 3, 7], [1, 2, 0]]
    assert rows(tested.take(np.array([2, 0])), toy) == [(2, [3, 7], 2), (0, [1, 2], 3)]


def test_histories_and_spans_read_nothing_beyond_what_trains(real_or_demo: Interactions) -> None:
    draws = np.random.default_rng(0)
    users = draws.integers(real_or_demo.num_users, size=500)
    last = draws.integers(1, real_or_demo.lengths[users] - 1)  # 1 … n-2
    for prefixes in (histories(real_or_demo), histories(real_or_demo, L), spans(real_or_demo, users, last, L)):
        begins, ends = real_or_demo.offsets[prefixes.users], real_or_demo.offsets[prefixes.users + 1]
        assert (prefixes.starts >= begins).all()
        assert (prefixes.starts < prefixes.stops).all()
        assert (prefixes.stops <= ends - 2).all()  # exclusive: x_{n-2} may be read, x_{n-1} may not
        assert not prefixes.targets.any()
    assert (histories(real_or_demo).stops == real_or_demo.offsets[1:] - 2).all()


def test_the_splits_share_no_target_and_cover_all_but_the_first(real_or_demo: Interactions) -> None:
    places = [
        training_prefixes(real_or_demo, L).stops,
        evaluation_prefixes(real_or_demo, "valid", L).stops,
        evaluation_prefixes(real_or_demo, "test", L).stops,
    ]
    together = np.sort(np.concatenate(places))
    first = real_or_demo.offsets[:-1]
    expected: NDArray[np.int64] = np.setdiff1d(np.arange(real_or_demo.num_interactions), first)
    assert (together == expected).all()


def test_rows_are_ordered_by_user_and_length(real_or_demo: Interactions) -> None:
    prefixes = training_prefixes(real_or_demo, L)
    same_user = np.diff(prefixes.users) == 0
    assert (np.diff(prefixes.users) >= 0).all()
    assert (np.diff(prefixes.visible)[same_user] == 1).all()
    assert (prefixes.visible[1:][~same_user] == 1).all()
