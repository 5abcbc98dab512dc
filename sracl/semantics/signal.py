"""What texts know of who chooses what next, measured before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.data.splits import trains

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes

CUTOFF = 20
_SEED = 0
_BLOCK = 1024
"""Users ranked at a time."""
_PAIRS = 8192
"""Pairs compared at a time."""


@dataclass(frozen=True)
class Transitions:
    """Whether items that follow one another resemble one another: cosines of x_t and x_{t+1}, t + 1 <= m."""

    count: int
    """Training transitions between items that both have a vector."""
    adjacent: float
    """Mean cosine of those."""
    random: float
    """Mean cosine of the same items with the second ones dealt anew, so that each stands as often on either side."""


@dataclass(frozen=True)
class NextItem:
    """How often the item most like the last one comes next: x_m, given x_{m-1} alone."""

    users: int
    """Users with both."""
    by_text: float
    """HR@20 of the items with the highest cosine to x_{m-1}, itself left out; an item without a vector is never found."""
    by_popularity: float
    """HR@20 of the items that most training interactions but these last ones are with."""
    by_chance: float
    """20 of the other items."""


@dataclass(frozen=True)
class Alike:
    """What neighbours of training samples have in common with them; shares of all neighbours found."""

    same_user: float
    same_target: float
    same_target_by_chance: float
    """Share of rows of the pool that have the sample's target, its own row left out."""
    similarity: float
    """Mean cosine."""


@dataclass(frozen=True)
class Coverage:
    """How many rows have a vector of their own."""

    rows: int
    zero: int
    """Rows without a vector: nothing is known of them in words."""
    shared: int
    """Rows whose vector another row has as well."""


def transitions(interactions: Interactions, vectors: NDArray[np.float32]) -> Transitions:
    """Cosines along training transitions, beside those of random pairs.

    Args:
        interactions: The data; x_1 … x_m of each user is read.
        vectors: Of every item, float32 [V + 1, d]; row 0 is padding.
    """
    unit, known = _unit(vectors)
    follows = trains(interactions)
    follows[interactions.offsets[:-1]] = False
    second = interactions.items[follows]
    first = interactions.items[np.flatnonzero(follows) - 1]
    both = known[first] & known[second]
    first, second = first[both], second[both]
    dealt = np.random.default_rng(_SEED).permutation(second)
    return Transitions(len(first), _mean_cosine(unit, first, second), _mean_cosine(unit, first, dealt))


def next_item(interactions: Interactions, vectors: NDArray[np.float32]) -> NextItem:
    """HR@20 of the item most like the last one, on the last training transition of each user.

    Args:
        interactions: The data; x_1 … x_m of each user is read, and x_m as what should be found.
        vectors: Of every item, float32 [V + 1, d], made from texts that have not seen the transitions asked for.
    """
    unit, known = _unit(vectors)
    asking = np.flatnonzero(interactions.trained >= 2)
    ends = interactions.offsets[asking] + interactions.trained[asking]
    targets, last = interactions.items[ends - 1], interactions.items[ends - 2]
    hits = 0
    for begin in range(0, len(asking), _BLOCK):
        query, target = last[begin : begin + _BLOCK], targets[begin : begin + _BLOCK]
        scores = unit[query] @ unit.T  # [B, V + 1]
        scores[:, ~known] = -np.inf
        scores[np.arange(len(query)), query] = -np.inf
        due = scores[np.arange(len(query)), target]
        # of items that tie, those of smaller number come first; numbers are dealt at random
        ahead = (scores > due[:, None]) | ((scores == due[:, None]) & (np.arange(len(unit)) < target[:, None]))
        hits += int(((ahead.sum(axis=1) < CUTOFF) & np.isfinite(due) & known[query]).sum())
    counted = np.bincount(interactions.items[trains(interactions, fewer=1)], minlength=interactions.num_items + 1)
    popular = 1 + np.argsort(-counted[1:], kind="stable")[:CUTOFF]
    return NextItem(
        users=len(asking),
        by_text=hits / max(1, len(asking)),
        by_popularity=float(np.isin(targets, popular).mean()) if len(asking) else 0.0,
        by_chance=min(1.0, CUTOFF / max(1, interactions.num_items - 1)),
    )


def alike(pool: Prefixes, rows: NDArray[np.int64], ids: NDArray[np.int64], targets: NDArray[np.int64], similarity: float) -> Alike:
    """What neighbours share with the samples that they are neighbours of.

    Args:
        pool: The sequences that may be neighbours, P of them.
        rows: Pool row of each sample, int64 [S].
        ids: Pool rows of its neighbours, int64 [S, k], -1 where there is none.
        targets: What each sample should predict, int64 [S].
        similarity: Mean cosine of the neighbours.
    """
    found = ids >= 0
    of_user = pool.users[ids] == pool.users[rows][:, None]
    of_target = pool.targets[ids] == targets[:, None]
    among = np.bincount(pool.targets, minlength=int(targets.max(initial=0)) + 1)
    chance = (among[targets] - (pool.targets[rows] == targets)) / max(1, len(pool) - 1)
    return Alike(
        same_user=_share(of_user, found),
        same_target=_share(of_target, found),
        same_target_by_chance=float(chance.mean()),
        similarity=similarity,
    )


def coverage(vectors: NDArray[np.float32]) -> Coverage:
    """How many rows of float32 [N, d] are zero, and how many others are equal to some other."""
    zero = ~vectors.any(axis=1)
    contents = np.ascontiguousarray(vectors[~zero]).view(np.dtype((np.void, vectors.itemsize * vectors.shape[1]))).ravel()
    _, which, counts = np.unique(contents, return_inverse=True, return_counts=True)
    return Coverage(len(vectors), int(zero.sum()), int((counts[which] > 1).sum()))


def _unit(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Rows scaled to length 1, and which of them are not zero."""
    lengths = np.linalg.norm(vectors, axis=1)
    known = lengths > 0
    return np.asarray(vectors / np.where(known, lengths, np.float32(1))[:, None], dtype=np.float32), known


def _mean_cosine(unit: NDArray[np.float32], left: NDArray[np.int64], right: NDArray[np.int64]) -> float:
    total = 0.0
    for begin in range(0, len(left), _PAIRS):
        part = slice(begin, begin + _PAIRS)
        total += float(np.einsum("nd,nd->", unit[left[part]], unit[right[part]], dtype=np.float64))
    return total / max(1, len(left))


def _share(holds: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    return float((holds & found).sum() / max(1, found.sum()))
