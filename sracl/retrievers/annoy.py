"""Approximate nearest rows by cosine, from a forest of random projections."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from sracl.errors import ResourceError
from sracl.retrievers.pool import Members, Pool, check_request, nothing_found
from sracl.retrievers.recall import recall

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEED = 0


class Annoy:
    """Asks a forest for more rows than are wanted, compares those by their true cosine, and leaves out the own group.

    The forest is asked again for twice as many where too few rows of other groups came back. How much was missed is
    measured: `facts["recall"]` is the share of exact neighbours found, on 500 queries.

    Source: Bernhardsson, the library Annoy (approximate nearest neighbours, oh yeah), angular distance.
    """

    def __init__(
        self,
        *,
        trees: Annotated[int, Field(ge=1)] = 50,
        search: Annotated[int, Field(ge=-1)] = -1,
        threads: Annotated[int, Field(ge=-1)] = 1,
    ) -> None:
        """Make a retriever.

        Args:
            trees: More trees, better recall, more memory and time to build.
            search: Nodes looked at per query; -1 for trees times rows asked for.
            threads: Threads that build; -1 for all. One gives the same forest each time.

        Raises:
            ResourceError: The library is not installed.
        """
        if find_spec("annoy") is None:
            raise ResourceError(
                "the retriever 'annoy' needs a library that is not installed: pip install 'sracl[ann]' (needs a C++ compiler). "
                'retriever = { use = "exact" } needs nothing'
            )
        self.trees = trees
        self.search = search
        self.threads = threads
        self.facts: dict[str, Any] = {}
        """Recall of the last call and the number of queries it was measured on."""

    def __call__(
        self, vectors: NDArray[np.float32], k: int, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As `Exact`, with rows missing that the forest did not come upon.

        Raises:
            DataError: k is larger than the rest of the pool, or a vector holds values that are no numbers.
        """
        check_request(vectors, k)
        pool = Pool(vectors)
        eligible = np.flatnonzero(pool.lengths > 0)
        ids, similarities = nothing_found(len(queries), k)
        asking = np.flatnonzero(pool.lengths[queries] > 0)
        if len(asking):
            index = self._grow(pool.unit(eligible))
            own = Members(groups[eligible]).size(np.searchsorted(eligible, queries[asking]))
            for begin in range(0, len(asking), 4096):
                part = slice(begin, begin + 4096)
                block = asking[part]
                place, found = self._candidates(index, queries[block], own[part], k, eligible=eligible, groups=groups)
                ids[block], similarities[block] = pool.best(queries[block], place, found, k)
        self.facts = recall(vectors, k, queries=queries, groups=groups, ids=ids)
        return ids, similarities

    def _grow(self, unit: NDArray[np.float32]) -> Any:
        index = importlib.import_module("annoy").AnnoyIndex(unit.shape[1], "angular")
        index.set_seed(_SEED)
        for row, vector in enumerate(unit):
            index.add_item(row, vector)
        index.build(self.trees, n_jobs=self.threads)
        return index

    def _candidates(
        self,
        index: Any,
        queries: NDArray[np.int64],
        own: NDArray[np.int64],
        k: int,
        *,
        eligible: NDArray[np.int64],
        groups: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (place of the query, row of the pool), at least k a query of other groups if the forest has them.

        Args:
            index: The forest; its rows are places in `eligible`.
            queries: Rows of the pool.
            own: Rows in each query's group, itself included.
            k: Neighbours wanted.
            eligible: Rows of the pool in the forest.
            groups: Group of each row of the pool.
        """
        places, rows = [], []
        for place, (query, size) in enumerate(zip(np.searchsorted(eligible, queries).tolist(), own.tolist(), strict=True)):
            wanted = 2 * k + size
            while True:
                near = eligible[index.get_nns_by_item(query, wanted, search_k=self.search)]
                found = near[groups[near] != groups[queries[place]]]
                if len(found) >= k or wanted >= len(eligible):
                    break
                wanted *= 2
            places.append(np.full(len(found), place))
            rows.append(found)
        return np.concatenate(places), np.concatenate(rows)
