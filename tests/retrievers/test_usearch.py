from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from sracl.contracts.retriever import NearestContract
from sracl.errors import ResourceError
from sracl.retrievers import usearch
from sracl.retrievers.usearch import USearch

installed = pytest.mark.skipif(find_spec("usearch") is None, reason="usearch is not installed")


@installed
class TestUSearch(NearestContract):
    def retriever(self) -> USearch:
        # So many rows are looked at that the graph misses none of the suite's few.
        return USearch(expansion_search=1000)


@installed
def test_recall_against_exact_is_reported() -> None:
    # 40 tight clusters of 25 rows: the nearest 10 of a row are in its cluster.
    random = np.random.default_rng(0)
    vectors = (np.repeat(random.normal(size=(40, 16)), 25, axis=0) + 0.05 * random.normal(size=(1000, 16))).astype(np.float32)
    retriever = USearch()
    retriever(vectors, 10, queries=np.arange(1000), groups=np.arange(1000))
    assert retriever.facts["recall_queries"] == 500
    assert 0.95 <= retriever.facts["recall"] <= 1.0


@installed
def test_a_narrow_search_shows_in_the_recall() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 64)).astype(np.float32)
    retriever = USearch(connectivity=2, expansion_add=2, expansion_search=1)
    retriever(vectors, 10, queries=np.arange(2000), groups=np.arange(2000))
    assert retriever.facts["recall"] < 0.9


@installed
def test_a_large_group_and_many_ties_are_looked_beyond() -> None:
    # Row 0 and 199 of its own group are equal, and so are 100 rows of others. So many equal rows are hard to reach in a graph,
    # which need not come upon the first ten of them; that it looks beyond the 200 is what counts.
    vectors = np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32)
    vectors[:300] = vectors[0]
    groups = np.concatenate([np.zeros(200), np.arange(1, 401)]).astype(np.int64)
    ids, similarities = USearch(expansion_search=600)(vectors, 10, queries=np.array([0, 250]), groups=groups)
    np.testing.assert_allclose(similarities, 1, atol=1e-6)
    assert set(ids[0].tolist()) <= set(range(200, 300))
    assert set(ids[1].tolist()) <= set(range(300)) - {250}


def test_an_absent_library_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usearch, "find_spec", lambda name: None)
    with pytest.raises(ResourceError, match=r"pip install 'sracl\[usearch\]'"):
        USearch()
