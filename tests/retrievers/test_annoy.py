from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from sracl.contracts.retriever import NearestContract
from sracl.errors import ResourceError
from sracl.retrievers import annoy
from sracl.retrievers.annoy import Annoy

installed = pytest.mark.skipif(find_spec("annoy") is None, reason="annoy is not installed")


@installed
class TestAnnoy(NearestContract):
    def retriever(self) -> Annoy:
        # All nodes are looked at, so that the forest misses none of the suite's few rows.
        return Annoy(trees=10, search=100_000)


@installed
def test_recall_against_exact_is_reported() -> None:
    # 40 tight clusters of 25 rows: the nearest 10 of a row are in its cluster, which a forest keeps together.
    random = np.random.default_rng(0)
    vectors = (np.repeat(random.normal(size=(40, 16)), 25, axis=0) + 0.05 * random.normal(size=(1000, 16))).astype(np.float32)
    retriever = Annoy()
    retriever(vectors, 10, queries=np.arange(1000), groups=np.arange(1000))
    assert retriever.facts["recall_queries"] == 500
    assert 0.95 <= retriever.facts["recall"] <= 1.0


@installed
def test_a_narrow_search_shows_in_the_recall() -> None:
    vectors = np.random.default_rng(0).normal(size=(2000, 64)).astype(np.float32)
    retriever = Annoy(trees=1, search=1)
    retriever(vectors, 10, queries=np.arange(2000), groups=np.arange(2000))
    assert retriever.facts["recall"] < 0.9


def test_an_absent_library_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annoy, "find_spec", lambda name: None)
    with pytest.raises(ResourceError, match=r"pip install 'sracl\[ann\]'"):
        Annoy()
