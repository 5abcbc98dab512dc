"""What every retriever must satisfy: subclass the suite and give `retriever`.

`RetrieverContract` holds what neighbours are like, whichever they are; `NearestContract` that they are the nearest. Its
vectors are few, so that approximate members find everything as well.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from sracl.errors import DataError
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


class RetrieverContract:
    """Suite of a retriever, whichever rows it takes for neighbours."""

    @pytest.fixture
    def retriever(self) -> Retriever:
        raise NotImplementedError("give the retriever under test")

    @pytest.fixture
    def vectors(self) -> NDArray[np.float32]:
        return np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)

    def test_gives_distinct_rows_with_their_cosines_the_highest_first(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        queries = np.arange(300)[::-3]
        ids, similarities = retriever(vectors, 5, queries=queries, groups=np.arange(300))
        assert ids.shape == similarities.shape == (100, 5)
        assert ids.dtype == np.int64
        assert similarities.dtype == np.float32
        assert all(len(set(row)) == 5 for row in ids.tolist())
        assert bool((np.diff(similarities, axis=1) <= 0).all())
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        np.testing.assert_allclose(similarities, np.einsum("qd,qkd->qk", unit[queries], unit[ids]), atol=1e-6)

    def test_a_single_row_may_ask(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        ids, _ = retriever(vectors, 5, queries=np.array([7]), groups=np.arange(300))
        assert ids.shape == (1, 5)
        assert len(set(ids[0].tolist()) - {7, -1}) == 5

    def test_gives_the_same_rows_again(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        asked = {"queries": np.arange(300), "groups": np.arange(300)}
        np.testing.assert_array_equal(retriever(vectors, 5, **asked)[0], retriever(vectors, 5, **asked)[0])

    def test_never_answers_with_a_row_of_the_own_group(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        groups = np.arange(300) // 7
        ids, _ = retriever(vectors, 5, queries=np.arange(300), groups=groups)
        assert bool((ids >= 0).all())
        assert not bool((groups[ids] == groups[:, None]).any())

    def test_length_does_not_matter(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        before, _ = retriever(vectors, 5, queries=np.arange(300), groups=np.arange(300))
        vectors[::2] *= 3
        after, _ = retriever(vectors, 5, queries=np.arange(300), groups=np.arange(300))
        np.testing.assert_array_equal(before, after)

    def test_zero_rows_neither_ask_nor_answer(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        vectors[[0, 7]] = 0
        ids, similarities = retriever(vectors, 5, queries=np.arange(300), groups=np.arange(300))
        assert bool((ids[[0, 7]] == -1).all())
        assert bool(np.isneginf(similarities[[0, 7]]).all())
        assert not bool(np.isin(ids, [0, 7]).any())

    def test_rows_that_are_missing_are_minus_one(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        # Five rows in groups 0, 0, 0, 1, 1: a row of group 0 has two others, one of group 1 has three.
        ids, _ = retriever(vectors[:5], 4, queries=np.arange(5), groups=np.array([0, 0, 0, 1, 1]))
        assert (ids >= 0).sum(axis=1).tolist() == [2, 2, 2, 3, 3]
        assert bool((ids[:, 3] == -1).all())

    def test_only_zero_rows_have_no_neighbours(self, retriever: Retriever) -> None:
        ids, _ = retriever(np.zeros((4, 8), dtype=np.float32), 2, queries=np.arange(4), groups=np.arange(4))
        assert bool((ids == -1).all())

    def test_k_larger_than_the_rest_of_the_pool_is_refused(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        with pytest.raises(DataError, match=r"k = 300 .* pool of 300 rows has 299 others"):
            retriever(vectors, 300, queries=np.arange(300), groups=np.arange(300))

    def test_values_that_are_no_numbers_are_refused(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        vectors[[3, 5], 0] = np.nan, np.inf
        with pytest.raises(DataError, match="2 of 300 vectors"):
            retriever(vectors, 5, queries=np.arange(300), groups=np.arange(300))


class NearestContract(RetrieverContract):
    """Suite of a retriever that finds the nearest rows."""

    def test_equals_brute_force(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        queries, groups = np.arange(300)[::-3], np.arange(300)
        ids, _ = retriever(vectors, 5, queries=queries, groups=groups)
        np.testing.assert_array_equal(ids, brute_force(vectors, 5, queries, groups))

    def test_equals_brute_force_without_the_own_group(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        queries, groups = np.arange(300), np.arange(300) // 7
        ids, _ = retriever(vectors, 5, queries=queries, groups=groups)
        np.testing.assert_array_equal(ids, brute_force(vectors, 5, queries, groups))

    def test_equal_vectors_are_k_distinct_neighbours_by_id(self, retriever: Retriever, vectors: NDArray[np.float32]) -> None:
        vectors[100:140] = vectors[100]
        ids, similarities = retriever(vectors, 5, queries=np.array([100, 120]), groups=np.arange(300))
        np.testing.assert_array_equal(ids, [[101, 102, 103, 104, 105], [100, 101, 102, 103, 104]])
        np.testing.assert_allclose(similarities, 1.0, atol=1e-6)
