"""Approximate nearest rows by cosine, from a graph of near rows in several layers."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from sracl.errors import ResourceError
from sracl.retrievers.pool import Pool, check_request, nothing_found
from sracl.retrievers.recall import recall

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAIRS = 1 << 21
"""Pairs (query, row found) looked at at once: 50 MiB of ids, distances and groups."""


class USearch:
    """Asks a graph for more rows than are wanted, compares those by their true cosine, and leaves out the own group.

    The graph is asked again for twice as many where too few rows of other groups came back, or where the farthest that came
    back is no farther than the last that is wanted: of equal rows that it came upon, the smaller ids are taken. How much was
    missed is measured: `facts["recall"]` is the share of exact neighbours found, on 500 queries.

    Source: Malkov and Yashunin 2020, arXiv:1603.09320, as carried out by the library USearch, on vectors in bfloat16.
    """

    def __init__(
        self,
        *,
        connectivity: Annotated[int, Field(ge=2)] = 16,
        expansion_add: Annotated[int, Field(ge=1)] = 128,
        expansion_search: Annotated[int, Field(ge=1)] = 64,
        threads: Annotated[int, Field(ge=0)] = 1,
    ) -> None:
        """Make a retriever.

        Args:
            connectivity: Near rows that a row is tied to; more, better recall, more memory and time.
            expansion_add: Rows looked at to tie a new one.
            expansion_search: Rows looked at per query, or as many as are asked for, if that is more.
            threads: Threads that build; 0 for all. One gives the same graph each time.

        Raises:
            ResourceError: The library is not installed.
        """
        if find_spec("usearch") is None:
            raise ResourceError(
                "the retriever 'usearch' needs a library that is not installed: pip install 'sracl[usearch]'. "
                'retriever = { use = "exact" } needs nothing'
            )
        self.connectivity = connectivity
        self.expansion_add = expansion_add
        self.expansion_search = expansion_search
        self.threads = threads
        self.facts: dict[str, Any] = {}
        """Recall of the last call and the number of queries it was measured on."""

    def __call__(
        self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `Exact`, with rows missing that the graph did not come upon.

        Raises:
            DataError: k is larger than the rest of the pool, or a vector holds values that are no numbers.
        """
        check_request(vectors, k)
        pool = Pool(vectors)
        eligible = np.flatnonzero(pool.lengths > 0)
        ids, similarities = nothing_found(len(queries), k)
        asking = np.flatnonzero(pool.lengths[queries] > 0)
        index = self._grow(pool.unit(eligible)) if len(asking) else None
        wanted = 2 * k + 1
        while len(asking):
            wanted = min(wanted, len(eligible))
            left_over = []
            for begin in range(0, len(asking), size := max(1, _PAIRS // wanted)):
                block = asking[begin : begin + size]
                found, distances = self._search(index, pool.unit(queries[block]), wanted)
                rows = eligible[found]
                others = (found >= 0) & (groups[rows] != groups[queries[block]][:, None])
                whole = _is_whole(others, distances, k) | (wanted == len(eligible))
                place, column = np.nonzero(others & whole[:, None])
                answered, similar = pool.best(queries[block], place, rows[place, column], k)
                ids[block[whole]], similarities[block[whole]] = answered[whole], similar[whole]
                left_over.append(block[~whole])
            asking = np.concatenate(left_over)
            wanted *= 2
        self.facts = recall(vectors, k, queries=queries, groups=groups, ids=ids)
        return ids, similarities

    def _grow(self, unit: NDArray[np.float32]) -> Any:
        index = importlib.import_module("usearch.index").Index(
            ndim=unit.shape[1],
            metric="cos",
            dtype="bf16",
            connectivity=self.connectivity,
            expansion_add=self.expansion_add,
            expansion_search=self.expansion_search,
        )
        index.add(np.arange(len(unit), dtype=np.uint64), unit, threads=self.threads)
        return index

    def _search(self, index: Any, unit: NDArray[np.float32], wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows of the graph, int64 [B, wanted], -1 where it gave fewer, and their distances, inf there; the nearest first."""
        asked = unit if len(unit) > 1 else np.repeat(unit, 2, axis=0)  # to a single row the library answers in another form
        matches = index.search(asked, wanted, threads=0)
        missing = np.arange(wanted) >= matches.counts[:, None]
        found = np.where(missing, -1, matches.keys.astype(np.int64))
        distances = np.where(missing, np.inf, matches.distances).astype(np.float32)
        return found[: len(unit)], distances[: len(unit)]


def _is_whole(others: NDArray[np.bool_], distances: NDArray[np.float32], k: int) -> NDArray[np.bool_]:
    """Which queries have k rows of other groups, and none beyond those asked for that ties with the last of them, bool [B]."""
    enough = others.sum(axis=1) >= k
    last = (others.cumsum(axis=1) >= k).argmax(axis=1)  # column of the k-th
    return np.asarray(enough & (distances[np.arange(len(last)), last] < distances[:, -1]))
