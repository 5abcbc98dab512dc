from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from sracl.contracts.retriever import NearestContract
from sracl.retrievers import auto
from sracl.retrievers.auto import Auto

installed = pytest.mark.skipif(find_spec("usearch") is None, reason="usearch is not installed")
VECTORS = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
ASKED: dict[str, Any] = {"queries": np.arange(100), "groups": np.arange(400)}  # √(100 · 400) = 200 rows


class TestAuto(NearestContract):
    def retriever(self) -> Auto:
        return Auto(device="cpu")


@installed
def test_the_graph_is_taken_above_the_limit_alone() -> None:
    exact, graph = Auto(rows=200, device="cpu"), Auto(rows=199, device="cpu")
    exact(VECTORS, 5, **ASKED)
    graph(VECTORS, 5, **ASKED)
    assert exact.facts == {"chosen": "exact"}
    assert graph.facts["chosen"] == "usearch"
    assert graph.facts["recall_queries"] == 100


def test_without_the_library_it_is_exact_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "find_spec", lambda name: None)
    retriever = Auto(rows=199, device="cpu")
    with pytest.warns(UserWarning, match=r"200 rows .* above 199 'usearch' is quicker: pip install 'sracl\[usearch\]'"):
        ids, _ = retriever(VECTORS, 5, **ASKED)
    assert retriever.facts == {"chosen": "exact"}
    assert bool((ids >= 0).all())


@pytest.mark.parametrize(("precision", "limit"), [(torch.bfloat16, 200_000), (torch.float32, 100_000)])
def test_the_limit_is_that_of_the_processor(precision: torch.dtype, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auto, "precisions_of", lambda device, rows: (precision, torch.float32))
    assert Auto(device="cpu")._limit(400) == limit
    assert Auto(device="cuda")._limit(400) == 1_000_000
