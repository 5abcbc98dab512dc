"""The steps that decide who is in and which item tests, counted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sracl.data.sources.events import Events
from sracl.data.sources.preparation import prepare, sequences
from sracl.errors import DataError
from sracl.registry.dataset import Preparation

Row = tuple[str, str, int | float | None]
DAY = 86_400
NEW_YEAR_2019 = 1546300800


def prepared(rows: Sequence[Row], preparation: Preparation | None = None) -> dict[str, list[str]]:
    events, _ = prepare(Events.of(rows), preparation or Preparation())
    return {user: [item for item, _ in sequence] for user, sequence in sequences(events).items()}


def test_ties_stay_in_the_order_of_the_file() -> None:
    rows: list[Row] = [("u", "late", 9), ("u", "z", 5), ("v", "q", 5), ("u", "a", 5), ("u", "m", 5), ("u", "early", 1)]
    assert prepared(rows) == {"u": ["early", "z", "a", "m", "late"], "v": ["q"]}


def test_without_times_the_order_of_the_file_is_kept_and_repeats_with_it() -> None:
    rows: list[Row] = [("u", "b", None), ("v", "b", None), ("u", "a", None), ("u", "b", None)]
    assert prepared(rows) == {"u": ["b", "a", "b"], "v": ["b"]}


def test_users_are_sorted_by_number_only_if_all_are_numbers() -> None:
    assert list(prepared([("10", "a", 1), ("9", "a", 1), ("2", "a", 1)])) == ["2", "9", "10"]
    assert list(prepared([("10", "a", 1), ("9", "a", 1), ("2b", "a", 1)])) == ["10", "2b", "9"]
    assert list(prepared([("b", "a", 1), ("A", "a", 1), ("a", "a", 1)])) == ["A", "a", "b"]


def test_only_the_same_user_item_and_time_is_a_duplicate() -> None:
    rows: list[Row] = [("u", "a", 1), ("u", "b", 1), ("u", "a", 1), ("v", "a", 1), ("u", "a", 2)]
    assert prepared(rows) == {"u": ["a", "b", "a"], "v": ["a"]}
    assert prepared(rows, Preparation(duplicates="keep")) == {"u": ["a", "b", "a", "a"], "v": ["a"]}
    _, said = prepare(Events.of(rows), Preparation())
    assert said == ["4 of 5 interactions are distinct in user, item and time"]


def test_large_times_are_compared_exactly() -> None:
    # nanoseconds: as floats the two would be one time, and file order would decide
    rows: list[Row] = [("u", "second", 1600000000123456790), ("u", "first", 1600000000123456789)]
    assert prepared(rows) == {"u": ["first", "second"]}


def test_days_begin_at_midnight_utc() -> None:
    rows: list[Row] = [
        ("u", "before", NEW_YEAR_2019 - 1),
        ("u", "first", NEW_YEAR_2019),
        ("u", "last", NEW_YEAR_2019 + 365 * DAY - 1),
        ("u", "after", NEW_YEAR_2019 + 365 * DAY),
    ]
    year = Preparation(since=date(2019, 1, 1), until=date(2020, 1, 1))
    assert prepared(rows, year) == {"u": ["first", "last"]}
    assert prepare(Events.of(rows), year)[1] == ["2 of 4 interactions are on the days asked for"]


def test_the_core_is_counted_before_each_pass() -> None:
    # core 2. Pass 1: c has one row and goes, z has one and goes. Pass 2: x is left with one row (of a) and goes.
    # Pass 3: a is left with one row (of y) and goes, which takes y to one row of b: pass 4 drops y; b keeps v and w.
    rows: list[Row] = [
        ("c", "x", 1),
        ("a", "x", 2),
        ("a", "y", 3),
        ("b", "y", 4),
        ("b", "v", 5),
        ("b", "w", 6),
        ("d", "v", 7),
        ("d", "w", 8),
    ]
    rows.append(("d", "z", 9))
    events, said = prepare(Events.of(rows), Preparation(core=2))
    assert prepared(rows, Preparation(core=2)) == {"b": ["v", "w"], "d": ["v", "w"]}
    assert said == ["4 of 9 interactions are of users and items with 2 or more, after 4 passes"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no defect of what is tested
@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("vwxyz"), st.integers(0, 3)), min_size=1, max_size=40), st.integers(1, 4)
)
def test_a_core_holds_and_is_the_largest(rows: list[Row], core: int) -> None:
    left = set(range(len(rows)))  # one by one, in any order: the largest core is one and the same
    while weak := [row for row in left if min(sum(rows[row][side] == rows[other][side] for other in left) for side in (0, 1)) < core]:
        left.discard(weak[0])
    try:
        found = prepared(rows, Preparation(core=core, duplicates="keep"))
    except DataError:
        found = {}
    assert sorted((user, item) for user, items in found.items() for item in items) == sorted(rows[row][:2] for row in left)


def test_nothing_left_is_said_with_the_days_there_are() -> None:
    with pytest.raises(DataError, match="none of 1 interactions is on the days asked for: they run from 2019-01-01 to 2019-01-01"):
        prepare(Events.of([("u", "a", NEW_YEAR_2019)]), Preparation(since=date(2020, 1, 1)))
    with pytest.raises(DataError, match="none of 1 interactions is of users and items with 5 or more"):
        prepare(Events.of([("u", "a", None)]), Preparation(core=5))
    with pytest.raises(DataError, match="there are no interactions"):
        prepare(Events.of([]), Preparation())


def test_days_of_milliseconds_are_refused() -> None:
    with pytest.raises(DataError, match=r"times up to 1.5463e\+12 cannot be seconds since 1970; are they milliseconds\?"):
        prepare(Events.of([("u", "a", 1000 * NEW_YEAR_2019)]), Preparation(since=date(2020, 1, 1)))


def test_days_of_interactions_without_times_are_refused() -> None:
    with pytest.raises(DataError, match="no times to tell them by"):
        prepare(Events.of([("u", "a", None)]), Preparation(since=date(2020, 1, 1)))


def test_interactions_with_less_than_counts_are_dropped_first() -> None:
    rows = [("u", "a", 1, 4.0), ("u", "b", 2, 3.9), ("v", "a", 3, 5.0), ("v", "b", 4, 1.0), ("w", "a", 4, 4.5)]
    wanted = Preparation(at_least={"rating": 4}, core=1)
    events, said = prepare(Events.of(rows), wanted)
    assert sequences(events) == {"u": [("a", 1)], "v": [("a", 3)], "w": [("a", 4)]}
    assert said == ["3 of 5 interactions are of rating 4 or more"]
    with pytest.raises(DataError, match="none of 5 interactions is of rating 6 or more"):
        prepare(Events.of(rows), Preparation(at_least={"rating": 6}))
