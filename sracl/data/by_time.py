"""Dividing by time: what came before one moment trains, what came after it validates, and what came after a later one tests.

Leave-one-out trains on interactions of some users that are later than those that test others, so that a model knows what will be
bought, and when it is asked about long ago it answers from today. Here nothing that trains is later than anything predicted.

Source: the global temporal split of Gusak et al. 2025, arXiv:2507.16289, with one target of each user.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from sracl.data.interactions import Rows, Split
from sracl.data.splits import training_counts
from sracl.errors import DataError
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions

_EARLIEST, _LATEST = 1e8, 4e9
"""Between these, 1973 and 2096, a time is taken for seconds since 1970 where it is told."""


def divided(interactions: Interactions, settings: Mapping[str, Any]) -> Interactions:
    """The data, divided at two moments.

    Args:
        interactions: With times.
        settings: `evaluation.split`: `valid` and `test`, shares of all interactions that are earlier, and `target`.

    Returns:
        The same data with a split and a note on it. A user is predicted once in each part: of the interactions that are in it and have
        any before them, the `last`, or the `first`. What is read is all that the user has before, in that part too.

    Raises:
        DataError: There are no times, or they fall within a user; nothing lies between the two moments; or nothing would train,
            validate or test.
    """
    name, times = interactions.name, interactions.times
    if times is None:
        raise DataError(
            f"the data set '{name}' does not say when anything was chosen, and evaluation.split divides it by time. Bring it with a column "
            'of times, or use split = "leave-one-out".'
        )
    users = np.repeat(np.arange(interactions.num_users), interactions.lengths)
    _demand_order(interactions, users, times)
    ordered = np.sort(times)
    # round: 0.29 of 100 is 29, where floats have less
    first, second = (float(ordered[min(int(round(settings[part] * len(ordered), 6)), len(ordered) - 1)]) for part in ("valid", "test"))
    if not ordered[0] < first < second:
        raise DataError(
            f"the data set '{name}' cannot be divided at {settings['valid']} and {settings['test']} of its interactions: these are of "
            f"{moment(first)} and {moment(second)}, the first of all of {moment(float(ordered[0]))}, and all three have to differ."
        )
    split = Split(
        label=label(settings),
        training=training(settings),
        trained=np.bincount(users[times < first], minlength=interactions.num_users),
        valid=_rows(interactions, users, (times >= first) & (times < second), settings["target"]),
        test=_rows(interactions, users, times >= second, settings["target"]),
    )
    for part, rows in (("validates", split.valid), ("tests", split.test)):
        if not len(rows.users):
            raise DataError(f"the data set '{name}' has no user who {part} when it is divided at {moment(first)} and {moment(second)}.")
    made = dataclasses.replace(interactions, split=split)
    return dataclasses.replace(made, notes=(*interactions.notes, _note(made, split, first, second)))


def label(setting: str | Mapping[str, Any]) -> str:
    """What protocols call an `evaluation.split`: `leave-one-out`, or `by time 0.8/0.9 (last item)`."""
    if isinstance(setting, str):
        return setting
    return f"by time {setting['valid']:.15g}/{setting['test']:.15g} ({setting['target']} item)"


def training(setting: str | Mapping[str, Any]) -> str:
    """What an `evaluation.split` has train, whatever it predicts: `leave-one-out`, or `by time 0.8`."""
    return setting if isinstance(setting, str) else f"by time {setting['valid']:.15g}"


def _demand_order(interactions: Interactions, users: NDArray[np.int64], times: NDArray[np.float64]) -> None:
    """Refuse times of a generator that fall within a user: the first m of that user would not be the earliest."""
    if len(times) != len(users):
        raise DataError(f"the data set '{interactions.name}' has {len(times):,} times for {len(users):,} interactions.")
    falling = ~(times[1:] >= times[:-1]) & (users[1:] == users[:-1])  # also where one of them is no number
    if falling.any():
        user = interactions.users[users[1 + falling.argmax()]]
        raise DataError(f"the data set '{interactions.name}' goes back in time with user '{user}'; what makes it is to sort each by time.")


def _rows(interactions: Interactions, users: NDArray[np.int64], inside: NDArray[np.bool_], target: str) -> Rows:
    """Of each user the first or the last of some interactions, bool [N], that has others before it."""
    before = np.arange(interactions.num_interactions) - interactions.offsets[users]  # how many the user has before each
    places = np.flatnonzero(inside & (before >= 1))
    chosen = np.unique(users[places], return_index=True)[1] if target == "first" else _last(users[places])
    return Rows(users[places[chosen]], before[places[chosen]])


def _last(users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the last entry of each user, in ascending order of users that ascend."""
    return np.flatnonzero(np.append(users[1:] != users[:-1], True)) if len(users) else np.empty(0, dtype=np.int64)


def _note(interactions: Interactions, split: Split, first: float, second: float) -> str:
    """What the division comes to."""
    known = training_counts(interactions) > 0
    ends = interactions.offsets[split.test.users] + split.test.visible
    new = int((~known[interactions.items[ends] - 1]).sum())
    return (
        f"divided by time: {how_many(int(split.trained.sum()), 'interaction')} before {moment(first)} train; "
        f"{how_many(len(split.valid.users), 'user')} validate from then on, and {how_many(len(split.test.users), 'user')} test from "
        f"{moment(second)} on, {new:,} of them with an item that no one had before"
    )


def moment(time: float) -> str:
    """As it is told: a date where a time reads like seconds since 1970, and the number otherwise."""
    return datetime.fromtimestamp(time, UTC).date().isoformat() if _EARLIEST <= time <= _LATEST else f"{time:.15g}"
