"""Nearest rows by cosine, all pairs compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from sracl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARE = 6
"""Candidates taken beside the k best, so that most rows' ties and rounding need no second look."""

_PAIRS = 1 << 16
"""Pairs compared at once in float64."""

_ROUNDING = 4e-6
"""More than float32 products of unit vectors are off by; measured below 1e-6 at 1,024 dimensions."""


class Exact:
    """Compares each asking row with the whole pool, in blocks, so that no N × N matrix ever exists.

    Candidates come from products in float32; they are compared and ordered by cosines in float64, rounded to float32.
    So equal vectors tie exactly, ties go to the smaller id, and neither the block size nor the device matters.
    """

    def __init__(self, *, device: Literal["auto", "cpu", "cuda"] = "auto", block_mb: Annotated[int, Field(ge=1)] = 128) -> None:
        """Make a retriever.

        Args:
            device: Where products are computed; `auto` takes a GPU if there is one.
            block_mb: Memory of a block of similarities, in MiB.
        """
        self.device = device
        self.block_mb = block_mb

    def __call__(
        self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k nearest rows of other groups for each query row.

        Args:
            vectors: float32 [N, d], the pool; zero rows are never neighbours and have none.
            k: Neighbours per row, 1..N-1.
            queries: int64 [Q], rows of the pool that ask.
            groups: int64 [N]; a row never gets a neighbour of its own group.

        Returns:
            ids int64 [Q, k], by falling similarity and then id, -1 where there is none; similarities float32 [Q, k],
            -inf where there is none. O(Q · N · d) time, O(N · d + block) memory.

        Raises:
            DataError: k is larger than the rest of the pool, or a vector holds values that are no numbers.
        """
        check_request(vectors, k)
        device = torch.device("cuda" if self.device == "auto" and torch.cuda.is_available() else self.device.replace("auto", "cpu"))
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        similarities = np.full((len(queries), k), -np.inf, dtype=np.float32)
        pool = Pool(vectors)
        eligible = np.flatnonzero(pool.lengths > 0)
        asking = np.flatnonzero(pool.lengths[queries] > 0)
        if not len(eligible):
            return ids, similarities
        members = Members(groups[eligible])
        table = torch.from_numpy(pool.unit(eligible)).to(device)  # [M, d]
        size = max(1, self.block_mb * 2**20 // (4 * len(eligible)))
        for begin in range(0, len(asking), size):
            block = asking[begin : begin + size]
            rows = np.searchsorted(eligible, queries[block])  # among the eligible
            own = [torch.from_numpy(part).to(device) for part in members.of(rows)]
            place, found = _candidates(table, table[torch.from_numpy(rows).to(device)], own, k)
            ids[block], similarities[block] = pool.best(queries[block], place.cpu().numpy(), eligible[found.cpu().numpy()], k)
        return ids, similarities


def check_request(vectors: NDArray[np.float32], k: int) -> None:
    """Refuse what no retriever can answer.

    Raises:
        DataError: k is not in 1..N-1, or a vector holds values that are no numbers.
    """
    if not 1 <= k <= len(vectors) - 1:
        raise DataError(f"k = {k} neighbours are asked for, but a pool of {len(vectors):,} rows has {max(len(vectors) - 1, 0):,} others")
    if bad := int((~np.isfinite(vectors)).any(axis=1).sum()):
        raise DataError(f"{bad:,} of {len(vectors):,} vectors hold values that are no numbers")


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
        ids = np.full((len(queries), k), -1, dtype=np.int64)
        similarities = np.full((len(queries), k), -np.inf, dtype=np.float32)
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


def _candidates(table: Tensor, queries: Tensor, excluded: list[Tensor], k: int) -> tuple[Tensor, Tensor]:
    """All pairs (place of the query, row) that may be among the query's k best, whatever float32 rounds off.

    Args:
        table: Rows of length 1, float32 [M, d].
        queries: float32 [B, d].
        excluded: Pairs (place of the query, row) that are out of the question.
        k: Neighbours wanted.
    """
    scores = queries @ table.T  # [B, M]
    scores[excluded[0], excluded[1]] = -torch.inf
    fetched = min(k + _SPARE, len(table))
    best, rows = scores.topk(fetched, dim=1)
    bound = best[:, min(k, fetched) - 1] - _ROUNDING
    crowded = (best[:, -1] >= bound) & best[:, -1].isfinite() if fetched < len(table) else torch.zeros_like(bound, dtype=torch.bool)
    asking, column = (best.isfinite() & ~crowded[:, None]).nonzero(as_tuple=True)
    crowd = crowded.nonzero()[:, 0]
    more, other = (scores[crowd] >= bound[crowd, None]).nonzero(as_tuple=True)
    return torch.cat([asking, crowd[more]]), torch.cat([rows[asking, column], other])
