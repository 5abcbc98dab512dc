"""Makes sequences of the interactions of a source: the steps that decide who is in and which item tests.

Source: SRA-CL's released data and the code that makes them, as far as the cards in `registry/datasets/` tell. The order
of ties decides the test item of many users (of Amazon's Office Products, whose times are days, of 23.7 %): it is that of
the file.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import DataError

if TYPE_CHECKING:
    from sracl.data.sources.events import Events
    from sracl.registry.dataset import Preparation


def prepare(events: Events, preparation: Preparation) -> tuple[Events, list[str]]:
    """Drop what is not wanted and sort the rest by user and time.

    In this order: what is below the least that counts; days outside the range; duplicates; users and items below the core. The sort
    is stable, so interactions of one user at one time stay in the order of the file; without times all do.

    Args:
        events: As the source has them.
        preparation: What is dropped.

    Returns:
        The events left, sorted; what was dropped, in words.

    Raises:
        DataError: Nothing is left, or days are asked for where there are no times.
    """
    said = []
    steps = (
        (_enough, " and ".join(f"of {name} {least:g} or more" for name, least in preparation.at_least.items())),
        (_of_days, "on the days asked for"),
        (_once, "distinct in user, item and time"),
        (_core, ""),
    )
    for step, what in steps:
        left, passes = step(events, preparation)
        if len(left) < len(events):
            what = what or f"of users and items with {preparation.core} or more, after {passes} {'pass' if passes == 1 else 'passes'}"
            said.append(f"{len(left):,} of {len(events):,} interactions are {what}")
        if not len(left):
            raise DataError(_nothing_left(events, preparation, what))
        events = left
    return events.where(np.lexsort((*_times(events), _user_ranks(events)))), said


def sequences(events: Events) -> dict[str, list[tuple[str, int | float | None]]]:
    """Items and times of each user, in the order of the events."""
    times = [None] * len(events) if events.times is None else events.times.tolist()
    found: dict[str, list[tuple[str, int | float | None]]] = {}
    for user, item, time in zip(events.users.tolist(), events.items.tolist(), times, strict=True):
        found.setdefault(events.user_names[user], []).append((events.item_names[item], time))
    return found


def _enough(events: Events, preparation: Preparation) -> tuple[Events, int]:
    (least,) = preparation.at_least.values() or (None,)
    if least is None or events.values is None:
        return events, 0
    return events.where(events.values >= least), 1


def _of_days(events: Events, preparation: Preparation) -> tuple[Events, int]:
    if preparation.since is None and preparation.until is None:
        return events, 0
    if events.times is None:
        raise DataError("days are asked for, and the interactions have no times to tell them by")
    if (latest := float(events.times.max(initial=0))) > _seconds(date.max):
        raise DataError(f"days are asked for, and times up to {latest:g} cannot be seconds since 1970; are they milliseconds?")
    kept = np.ones(len(events), dtype=bool)
    if preparation.since is not None:
        kept &= events.times >= _seconds(preparation.since)
    if preparation.until is not None:
        kept &= events.times < _seconds(preparation.until)
    return events.where(kept), 1


def _once(events: Events, preparation: Preparation) -> tuple[Events, int]:
    """Without later interactions of the same user, item and time. Without times none are the same: users may repeat items."""
    if events.times is None or preparation.duplicates == "keep":
        return events, 0
    order = np.lexsort((events.times, events.items, events.users))
    later = np.zeros(len(events), dtype=bool)
    columns = [column[order] for column in (events.users, events.items, events.times)]
    later[order[1:]] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    return events.where(~later), 1


def _core(events: Events, preparation: Preparation) -> tuple[Events, int]:
    """Drop users and items with fewer interactions than the core, both counted before each pass, until none are left to drop."""
    passes = 0
    while True:
        of_user = np.bincount(events.users, minlength=1)[events.users]
        of_item = np.bincount(events.items, minlength=1)[events.items]
        kept = (of_user >= preparation.core) & (of_item >= preparation.core)
        if kept.all():
            return events, passes
        events, passes = events.where(kept), passes + 1


def _times(events: Events) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    return () if events.times is None else (events.times,)


def _user_ranks(events: Events) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Place of each event's user among all, int64 [N]: by number if all names are whole numbers, by letters otherwise."""
    names = events.user_names
    by_number = all(name.isdecimal() and name.isascii() for name in names)
    order = sorted(range(len(names)), key=(lambda user: (int(names[user]), names[user])) if by_number else names.__getitem__)
    ranks = np.empty(len(names), dtype=np.int64)
    ranks[order] = np.arange(len(names))
    return ranks[events.users]


def _seconds(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def _nothing_left(events: Events, preparation: Preparation, what: str) -> str:
    if not len(events):
        return "there are no interactions"
    message = f"none of {len(events):,} interactions is {what}"
    if events.times is not None and (preparation.since or preparation.until):
        first, last = (_day(float(time)) for time in (events.times.min(), events.times.max()))
        message += f": they run from {first} to {last}, if their times are seconds since 1970"
    return message


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return f"{seconds:g}"
