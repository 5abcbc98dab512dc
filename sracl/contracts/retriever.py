"""What every retriever must satisfy: subclass the suite, and give the `retriever`.

`RetrieverContract` holds what neighbours are like, whichever they are; `NearestContract` that they are the nearest. Its
vectors are few, so that approximate members find everything as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from sracl.contracts.promises import expect, expect_close, expect_shape, refusal
from sracl.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.interfaces import Retriever


def brute_force(vectors: NDArray[np.float32], k: int, queries: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The answer by its definition: all cosines in float64, rounded to float32, sorted by falling value and then id."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1)
    ids = np.full((len(queries), k), -1, dtype=np.int64)
    for row, query in enumerate(queries):
        if lengths[query] > 0:
            others = np.flatnonzero((lengths > 0) & (groups != groups[query]))
            scores = ((wide[others] @ wide[query]) / (lengths[others] * lengths[query])).astype(np.float32)
            best = others[np.lexsort((others, -scores))][:k]
            ids[row, : len(best)] = best
    return ids


def _expect_ids(found: NDArray[np.int64], wanted: NDArray[np.int64], queries: NDArray[np.int64], expected: str) -> None:
    """Hold ids to others, and name the first row that has other ones."""
    expect_shape(found, wanted.shape, "ids")
    wrong = np.flatnonzero((found != wanted).any(axis=1))
    if len(wrong):
        row = wrong[0]
        came = f"{found[row].tolist()} in place of {wanted[row].tolist()} for row {queries[row]}"
        expect(False, expected, f"others for {len(wrong)} of {len(found)} rows, such as {came}")


class RetrieverContract:
    """Suite of a retriever, whichever rows it takes for neighbours."""

    def retriever(self) -> Retriever:
        """The retriever under test."""
        raise NotImplementedError("give the retriever under test")

    def vectors(self) -> NDArray[np.float32]:
        """Of three hundred rows, float32 [300, 8]."""
        return np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)

    def test_gives_distinct_rows_with_their_cosines_the_highest_first(self) -> None:
        """Gives distinct rows with their cosines, the highest first."""
        vectors, queries = self.vectors(), np.arange(300)[::-3]
        ids, similarities = self.retriever()(vectors, 5, queries=queries, groups=np.arange(300))
        expect_shape(ids, (100, 5), "ids of 5 neighbours of 100 rows,")
        expect_shape(similarities, (100, 5), "their similarities,")
        types = f"{ids.dtype} and {similarities.dtype}"
        expect(types == "int64 and float32", "ids of int64 and similarities of float32", types)
        twice = next((row for row in ids.tolist() if len(set(row)) < 5), None)
        expect(twice is None, "no row twice", twice)
        expect((np.diff(similarities, axis=1) <= 0).all(), "falling similarities", "rising ones")
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = torch.from_numpy(np.einsum("qd,qkd->qk", unit[queries], unit[ids]))
        expect_close(torch.from_numpy(similarities), cosines, "cosines for similarities", rtol=1e-7, atol=1e-6)

    def test_a_single_row_may_ask(self) -> None:
        """A single row may ask."""
        ids, _ = self.retriever()(self.vectors(), 5, queries=np.array([7]), groups=np.arange(300))
        expect_shape(ids, (1, 5), "ids")
        expect(len(set(ids[0].tolist()) - {7, -1}) == 5, "5 other rows", ids[0].tolist())

    def test_gives_the_same_rows_again(self) -> None:
        """Gives the same rows again."""
        retriever, vectors, rows = self.retriever(), self.vectors(), np.arange(300)
        once, again = (retriever(vectors, 5, queries=rows, groups=rows)[0] for _ in range(2))
        _expect_ids(again, once, rows, "the same rows at a second call")

    def test_never_answers_with_a_row_of_the_own_group(self) -> None:
        """Never answers with a row of the own group."""
        groups = np.arange(300) // 7
        ids, _ = self.retriever()(self.vectors(), 5, queries=np.arange(300), groups=groups)
        expect((ids >= 0).all(), "5 neighbours of every row", f"{int((ids < 0).sum())} missing")
        own = (groups[ids] == groups[:, None]).any(axis=1)
        expect(not own.any(), "rows of other groups alone", f"rows of the own group for {int(own.sum())} of 300")

    def test_length_does_not_matter(self) -> None:
        """The length of vectors does not matter."""
        retriever, vectors, rows = self.retriever(), self.vectors(), np.arange(300)
        before, _ = retriever(vectors, 5, queries=rows, groups=rows)
        vectors[::2] *= 3
        after, _ = retriever(vectors, 5, queries=rows, groups=rows)
        _expect_ids(after, before, rows, "the same rows where every other vector is three times as long")

    def test_zero_rows_neither_ask_nor_answer(self) -> None:
        """Rows of zeros have no neighbours and are none."""
        vectors = self.vectors()
        vectors[[0, 7]] = 0
        ids, similarities = self.retriever()(vectors, 5, queries=np.arange(300), groups=np.arange(300))
        expect((ids[[0, 7]] == -1).all(), "-1 for a row of zeros", ids[[0, 7]].tolist())
        expect(np.isneginf(similarities[[0, 7]]).all(), "-inf for a row of zeros", similarities[[0, 7]].tolist())
        among = np.isin(ids, [0, 7]).any(axis=1)
        expect(not among.any(), "no row of zeros among neighbours", f"one for {int(among.sum())} of 300")

    def test_rows_that_are_missing_are_minus_one(self) -> None:
        """Neighbours that are missing are -1, and stand last."""
        # Five rows in groups 0, 0, 0, 1, 1: a row of group 0 has two others, one of group 1 has three.
        ids, _ = self.retriever()(self.vectors()[:5], 4, queries=np.arange(5), groups=np.array([0, 0, 0, 1, 1]))
        found = (ids >= 0).sum(axis=1).tolist()
        expect(found == [2, 2, 2, 3, 3], "[2, 2, 2, 3, 3] neighbours of 5 rows in two groups", found)
        expect((ids[:, 3] == -1).all(), "-1 in the last place", ids[:, 3].tolist())

    def test_only_zero_rows_have_no_neighbours(self) -> None:
        """Takes a pool of zeros alone."""
        ids, _ = self.retriever()(np.zeros((4, 8), dtype=np.float32), 2, queries=np.arange(4), groups=np.arange(4))
        expect((ids == -1).all(), "-1 everywhere", ids.tolist())

    def test_k_larger_than_the_rest_of_the_pool_is_refused(self) -> None:
        """Refuses a k larger than the rest of the pool."""
        expected = 'a DataError that says "k = 300 … pool of 300 rows has 299 others" (`check_request` of sracl.retrievers.pool)'
        with refusal(DataError, r"k = 300 .* pool of 300 rows has 299 others", expected):
            self.retriever()(self.vectors(), 300, queries=np.arange(300), groups=np.arange(300))

    def test_values_that_are_no_numbers_are_refused(self) -> None:
        """Refuses vectors that hold no numbers."""
        vectors = self.vectors()
        vectors[[3, 5], 0] = np.nan, np.inf
        expected = 'a DataError that says "2 of 300 vectors" (`check_request` of sracl.retrievers.pool)'
        with refusal(DataError, "2 of 300 vectors", expected):
            self.retriever()(vectors, 5, queries=np.arange(300), groups=np.arange(300))


class NearestContract(RetrieverContract):
    """Suite of a retriever that finds the nearest rows."""

    def test_equals_brute_force(self) -> None:
        """Finds the nearest rows."""
        vectors, queries, groups = self.vectors(), np.arange(300)[::-3], np.arange(300)
        ids, _ = self.retriever()(vectors, 5, queries=queries, groups=groups)
        _expect_ids(ids, brute_force(vectors, 5, queries, groups), queries, "the 5 rows of the highest cosines")

    def test_equals_brute_force_without_the_own_group(self) -> None:
        """Finds the nearest rows of other groups."""
        vectors, queries, groups = self.vectors(), np.arange(300), np.arange(300) // 7
        ids, _ = self.retriever()(vectors, 5, queries=queries, groups=groups)
        _expect_ids(ids, brute_force(vectors, 5, queries, groups), queries, "the 5 rows of other groups with the highest cosines")

    def test_equal_vectors_are_k_distinct_neighbours_by_id(self) -> None:
        """Of rows that are as near, the lower ids come first."""
        vectors, queries = self.vectors(), np.array([100, 120])
        vectors[100:140] = vectors[100]
        ids, similarities = self.retriever()(vectors, 5, queries=queries, groups=np.arange(300))
        wanted = np.array([[101, 102, 103, 104, 105], [100, 101, 102, 103, 104]])
        _expect_ids(ids, wanted, queries, "equal rows by their ids")
        ones = torch.ones(2, 5)
        expect_close(torch.from_numpy(similarities), ones, "similarities of 1 to equal rows", rtol=1e-7, atol=1e-6)
