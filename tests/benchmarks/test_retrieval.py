"""The peer of the retriever, and what counts as found."""

from __future__ import annotations

import numpy as np

from benchmarks import retrieval


def test_plain_finds_the_nearest_and_never_the_row_itself() -> None:
    vectors = retrieval.clustered(300, 16)
    queries = np.arange(0, 300, 7)
    ids, similarities = retrieval.plain(vectors, queries)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit[queries] @ unit.T
    cosines[np.arange(len(queries)), queries] = -np.inf
    best = -np.sort(-cosines, axis=1)[:, : retrieval.K]
    np.testing.assert_allclose(similarities, best, atol=1e-6)
    assert not (ids == queries[:, None]).any()


def test_plain_among_equal_rows() -> None:
    ids, similarities = retrieval.plain(np.ones((40, 4), dtype=np.float32), np.arange(40))
    assert ids.shape == (40, retrieval.K)
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_recall_counts_what_is_as_near_as_the_farthest() -> None:
    vectors = retrieval.clustered(300, 16)
    queries = np.arange(20)
    ids, similarities = retrieval.plain(vectors, queries)
    assert retrieval.recall(vectors, queries, ids, similarities) == 1.0
    farthest = np.argmin(vectors @ vectors[:20].T / np.linalg.norm(vectors, axis=1, keepdims=True), axis=0)
    ids[:, 0] = farthest  # one of ten is wrong
    assert retrieval.recall(vectors, queries, ids, similarities) == 0.9


def test_our_side_is_exact() -> None:
    report = retrieval.ours(rows=2_000, width=32, sample=1_500, folder="")
    assert report["recall"] == 1.0
