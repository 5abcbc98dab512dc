"""Vectors that are searched, true cosines between them, and the rows that are out of the question for one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAIRS = 1 << 11
"""Pairs compared at once in float64: at 1,024 dimensions 8 MiB a side, half as slow as blocks that leave the cache."""


def check_request(vectors: NDArray[np.float32], k: int) -> None:
    """Refuse what no retriever can answer.

    Raises:
        DataError: k is not in 1..N-1, or a vector holds values that are no numbers.
    """
    if not 1 <= k <= len(vectors) - 1:
        raise DataError(f"k = {k} neighbours are asked for, but a pool of {len(vectors):,} rows has {max(len(vectors) - 1, 0):,} others")
    if bad := int((~np.isfinite(vectors)).any(axis=1).sum()):
        raise DataError(f"{bad:,} of {len(vectors):,} vectors hold values that are no numbers")


def nothing_found(queries: int, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """What a retriever gives where there is no neighbour, to be filled: ids int64 [Q, k], all -1; similarities float32 [Q, k], all -inf."""
    return np.full((queries, k), -1, dtype=np.int64), np.full((queries, k), -np.inf, dtype=np.float32)


class Pool:
    """Vectors with their lengths, and cosines between them that do not depend on where a row stands."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = vectors
        self.lengths: NDArray[np.float64] = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))

    def unit(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """These rows scaled to length 1, float32 [R, d]; none of them may be zero."""
        return np.asarray(self.vectors[rows] / self.lengths[rows, None], dtype=np.float32)

    def cosines(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosine of each row of `left` with that of `right`, computed in float64: float32 [R]."""
        out = np.empty(len(left), dtype=np.float32)
        for begin in range(0, len(left), _PAIRS):
            part = slice(begin, begin + _PAIRS)
            products = np.einsum("nd,nd->n", self.vectors[left[part]], self.vectors[right[part]], dtype=np.float64)
            out[part] = products / (self.lengths[left[part]] * self.lengths[right[part]])
        return out

    def best(
        self, queries: NDArray[np.int64], asking: NDArray[np.int64], candidates: NDArray[np.int64], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best of each query's candidates, by falling cosine and then id.

        Args:
            queries: Rows of the pool, int64 [Q].
            asking: Which query each candidate is for, int64 [C].
            candidates: Rows of the pool, each at most once for a query, int64 [C].
            k: Candidates kept.

        Returns:
            As a retriever: ids int64 [Q, k] and similarities float32 [Q, k].
        """
        ids, similarities = nothing_found(len(queries), k)
        scores = self.cosines(queries[asking], candidates)
        order = np.lexsort((candidates, -scores, asking))
        owner = asking[order]
        place = np.arange(len(order)) - np.searchsorted(owner, owner)
        kept = place < k
        ids[owner[kept], place[kept]] = candidates[order][kept]
        similarities[owner[kept], place[kept]] = scores[order][kept]
        return ids, similarities


class Members:
    """Rows of each group."""

    def __init__(self, groups: NDArray[np.int64]) -> None:
        _, self._group, self._sizes = np.unique(groups, return_inverse=True, return_counts=True)
        self._rows = np.argsort(self._group, kind="stable")
        self._begins = np.cumsum(self._sizes) - self._sizes

    def size(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows in the group of each of these, themselves included, int64 [R]."""
        return np.asarray(self._sizes[self._group[rows]])

    def of(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (place among `rows`, row of its group), int64 [pairs] each."""
        sizes = self.size(rows)
        place = np.repeat(np.arange(len(rows)), sizes)
        within = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return place, self._rows[self._begins[self._group[rows]][place] + within]
