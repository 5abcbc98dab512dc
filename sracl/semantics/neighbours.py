"""Tables of neighbours: which rows ask, which may answer, and whether the answers keep the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sracl.data.splits import Prefixes, all_prefixes, evaluation_prefixes, training_prefixes, user_prefixes
from sracl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions


@dataclass(frozen=True, eq=False)
class SequencePool:
    """The sequences that may be neighbours, and where each training sample stands among them."""

    prefixes: Prefixes
    """One row per sequence, P of them; targets beyond training are 0."""
    rows: NDArray[np.int64]
    """Pool row of each training sample, int64 [S]."""


def sequence_pool(
    interactions: Interactions, max_length: int, *, unit: Literal["prefix", "user"], pool: Literal["train", "all"]
) -> SequencePool:
    """The sequences to be described and retrieved.

    | unit   | pool  | rows                                                             |
    |--------|-------|------------------------------------------------------------------|
    | prefix | train | the training samples: a row is a sample id                       |
    | prefix | all   | every prefix x_1 … x_t, t = 1 … n-1: the official, leaky pool    |
    | user   | train | each user's longest training sample, x_1 … x_{n-3}               |
    | user   | all   | each user's x_1 … x_{n-1}: leaky                                 |

    With unit `user` all samples of a user share its row.
    """
    samples = training_prefixes(interactions, max_length)
    if unit == "prefix" and pool == "train":
        return SequencePool(samples, np.arange(len(samples)))
    if unit == "prefix":
        every = all_prefixes(interactions, max_length)
        begins = np.searchsorted(every.users, samples.users)
        return SequencePool(_training_targets(interactions, every), begins + samples.visible - 1)
    per_user = user_prefixes(interactions, max_length) if pool == "train" else evaluation_prefixes(interactions, "test", max_length)
    return SequencePool(_training_targets(interactions, per_user), np.searchsorted(per_user.users, samples.users))


def check_pool(rows: int, k: int, where: str) -> None:
    """Refuse, before anything is computed, to look for more neighbours than there are rows beside the one that asks.

    Raises:
        DataError: k > rows - 1.
    """
    if k > rows - 1:
        raise DataError(f"{where}: k = {k} neighbours are asked for, but a pool of {rows:,} rows has only {max(rows - 1, 0):,} others")


def groups(prefixes: Prefixes, exclude: Literal["same_user", "same_row"]) -> NDArray[np.int64]:
    """Rows of one group are never neighbours, int64 [P]."""
    return prefixes.users if exclude == "same_user" else np.arange(len(prefixes))


def check_table(ids: NDArray[np.int64], queries: NDArray[np.int64], of_group: NDArray[np.int64], k: int, name: str) -> None:
    """Hold a retriever's answer to its contract.

    Raises:
        DataError: Wrong shape, an id outside the pool, a neighbour of the row's own group, or one that comes twice.
    """
    if ids.shape != (len(queries), k):
        raise DataError(f"{name} gave neighbours of shape {list(ids.shape)}; due is [{len(queries)}, {k}]")
    if ids.size and not (ids.min() >= -1 and ids.max() < len(of_group)):
        raise DataError(f"{name} gave neighbours {ids.min()}..{ids.max()}, but the pool has rows 0..{len(of_group) - 1}")
    found = ids >= 0
    if bool((found & (of_group[ids] == of_group[queries][:, None])).any()):
        raise DataError(f"{name} gave neighbours of the asking row's own group, which are excluded")
    ordered = np.sort(ids, axis=1)
    if bool(((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any()):
        raise DataError(f"{name} gave one neighbour twice to a row")


def item_table(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Item neighbours by item id, int64 [V + 1, k]: 0 where there is none, and row 0 for padding, all 0.

    Args:
        ids: Neighbours by row, int64 [V, k], from 0, -1 where there is none; row i - 1 is item i.
    """
    return np.concatenate([np.zeros((1, ids.shape[1]), dtype=np.int64), ids + 1])


def _training_targets(interactions: Interactions, prefixes: Prefixes) -> Prefixes:
    """The same rows, with targets that validate or test set to 0, so that nothing can be trained on them."""
    trains = prefixes.visible + 1 <= interactions.trained[prefixes.users]
    return Prefixes(prefixes.users, prefixes.visible, prefixes.starts, prefixes.stops, np.where(trains, prefixes.targets, 0))
