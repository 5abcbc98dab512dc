"""Which part of each sequence is read, and which item it should predict.

Of a sequence x_1 … x_n, the first m train. Leave-one-out has x_n test, x_{n-1} validate and the rest train, so m = n - 2:

| rows       | reads (at most the last `max_length`) | predicts  |
|------------|---------------------------------------|-----------|
| training   | x_1 … x_t for every t = 1 … m-1       | x_{t+1}   |
| validation | x_1 … x_{n-2}                         | x_{n-1}   |
| test       | x_1 … x_{n-1}                         | x_n       |

Data that were divided otherwise (`sracl.data.by_time`) have an m of their own for each user, and say what is predicted.

What is read and predicted is identified by user and position, never by item, since users may repeat items.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from sracl.data.interactions import SHORTEST, Interactions
from sracl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Prefixes:
    """Prefixes of users' sequences, as ranges of `Interactions.items`: nothing is copied."""

    users: NDArray[np.int64]
    """Row of each prefix's user, int64 [S], from 0."""
    visible: NDArray[np.int64]
    """t, the position of the last item read, int64 [S], counted from 1."""
    starts: NDArray[np.int64]
    """Where the items read begin in `Interactions.items`, int64 [S]; at most `max_length` before the end."""
    stops: NDArray[np.int64]
    """Where they end, int64 [S], exclusive."""
    targets: NDArray[np.int64]
    """x_{t+1}, int64 [S]; 0 where nothing that follows may be looked at."""
    each_position: bool = False
    """Whether every position of a row predicts the item after it; targets are then those of the last one."""

    def __len__(self) -> int:
        """S."""
        return len(self.users)

    @property
    def has_targets(self) -> bool:
        """Whether every row says what follows it."""
        return bool(self.targets.all())

    def take(self, rows: NDArray[np.int64]) -> Prefixes:
        """Some of the rows, int64 [R], in this order."""
        return replace(
            self,
            users=self.users[rows],
            visible=self.visible[rows],
            starts=self.starts[rows],
            stops=self.stops[rows],
            targets=self.targets[rows],
        )


def training_prefixes(interactions: Interactions, max_length: int) -> Prefixes:
    """Every prefix that trains, by user and then by t: a row's number is the sample's id, for good.

    Σ max(0, m - 1) rows. Users of whom one interaction trains, or none, have none.
    """
    return _every(interactions, interactions.trained - 1, max_length)


def all_prefixes(interactions: Interactions, max_length: int) -> Prefixes:
    """Every prefix that is followed by anything, validation and test inputs included: Σ (n - 1) rows, by user and t.

    For measuring what leakage gains; training on these or retrieving from them is leaky.
    """
    return _every(interactions, interactions.lengths - 1, max_length)


def user_prefixes(interactions: Interactions, max_length: int) -> Prefixes:
    """One row per user of whom two interactions or more train: the longest training prefix, x_1 … x_{m-1}."""
    longest = interactions.trained - 1
    users = np.flatnonzero(longest >= 1)
    return _prefixes(interactions, users, longest[users], max_length)


def histories(interactions: Interactions, max_length: int | None = None) -> Prefixes:
    """One row per user of whom anything trains: x_1 … x_m, whole unless cut to its last `max_length`. Targets are 0."""
    trained = interactions.trained
    longest = int(trained.max(initial=1)) if max_length is None else max_length
    users = np.flatnonzero(trained >= 1)
    return _stretches(interactions, users, trained[users], longest)


def training_counts(interactions: Interactions) -> NDArray[np.int64]:
    """How often items 1..V stand in what trains, x_1 … x_m of each user: int64 [V]."""
    return np.bincount(interactions.items[trains(interactions)], minlength=interactions.num_items + 1)[1:]


def trains(interactions: Interactions, fewer: int = 0) -> NDArray[np.bool_]:
    """Which of `Interactions.items` train, bool [N]: x_1 … x_m of each user, without the last `fewer` of them."""
    lengths = interactions.lengths
    place = np.arange(interactions.num_interactions) - np.repeat(interactions.offsets[:-1], lengths)
    return place < np.repeat(interactions.trained - fewer, lengths)


def spans(interactions: Interactions, users: NDArray[np.int64], last: NDArray[np.int64], max_length: int) -> Prefixes:
    """Stretches of training parts: the items up to position `last` of each user, at most `max_length` of them. Targets are 0.

    Args:
        interactions: The data.
        users: int64 [S], rows of users, repeats allowed.
        last: Position of the last item read, int64 [S], 1 … m.
        max_length: Items read at most.

    Raises:
        ValueError: A stretch would read beyond what trains.
    """
    if (last < 1).any() or (last > interactions.trained[users]).any():
        raise ValueError("a stretch of a training part ends at 1 … m, the last that trains (n-2 where one is left out)")
    return _stretches(interactions, users, last, max_length)


def at_each_position(rows: Prefixes) -> Prefixes:
    """The same rows, every position of which predicts the item after it."""
    return replace(rows, each_position=True)


def evaluation_prefixes(interactions: Interactions, split: Literal["valid", "test"], max_length: int) -> Prefixes:
    """One row per user that the split has a target of, in their order: the history before it.

    Raises:
        DataError: A user has fewer than three interactions.
    """
    held_out = {"valid": 2, "test": 1}
    if split not in held_out:
        raise ValueError(f"split should be 'valid' or 'test', got {split!r}")
    if interactions.split is not None:
        rows = interactions.split.valid if split == "valid" else interactions.split.test
        return _prefixes(interactions, rows.users, rows.visible, max_length)
    if interactions.num_users and interactions.lengths.min() < SHORTEST:
        raise DataError(f"data set '{interactions.name}': a user with fewer than {SHORTEST} interactions cannot be evaluated")
    users = np.arange(interactions.num_users)
    return _prefixes(interactions, users, interactions.lengths - held_out[split], max_length)


def whole_histories(interactions: Interactions, max_length: int) -> Prefixes:
    """One row per user, in their order: x_1 … x_n, what validates and what tests included. Targets are 0.

    For recommending what nobody knows yet; training on these is leaky.
    """
    return _stretches(interactions, np.arange(interactions.num_users), interactions.lengths, max_length)


def seen(interactions: Interactions, rows: Prefixes) -> NDArray[np.int64]:
    """Distinct items of each row's whole history, also beyond the window a model reads: int64 [S, M], 0 where there are fewer."""
    histories = [np.unique(interactions.sequence(int(user))[:visible]) for user, visible in zip(rows.users, rows.visible, strict=True)]
    table = np.zeros((len(histories), max(len(history) for history in histories)), dtype=np.int64)
    for row, history in enumerate(histories):
        table[row, : len(history)] = history
    return table


def _every(interactions: Interactions, longest: NDArray[np.int64], max_length: int) -> Prefixes:
    """Prefixes of length 1 … longest[u] of every user."""
    counts = np.maximum(longest, 0)
    users = np.repeat(np.arange(interactions.num_users), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return _prefixes(interactions, users, 1 + np.arange(len(users)) - before, max_length)


def _prefixes(interactions: Interactions, users: NDArray[np.int64], visible: NDArray[np.int64], max_length: int) -> Prefixes:
    """Items up to a position of each user, each with the item that follows."""
    rows = _stretches(interactions, users, visible, max_length)
    return replace(rows, targets=interactions.items[rows.stops])


def _stretches(interactions: Interactions, users: NDArray[np.int64], visible: NDArray[np.int64], max_length: int) -> Prefixes:
    """Items up to a position of each user, which may be their last. Targets are 0."""
    if max_length < 1:
        raise ValueError(f"max_length should be at least 1, got {max_length}")
    begins = interactions.offsets[users]
    stops = begins + visible
    return Prefixes(
        users=users, visible=visible, starts=np.maximum(begins, stops - max_length), stops=stops, targets=np.zeros(len(users), np.int64)
    )
