"""The benchmark of paid answers, on a few of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import llm


def test_a_killed_run_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", "")
    found = llm.ours(count=400, seconds=0.1, concurrency=20, faults=0.05, kills=1, folder=str(tmp_path))
    assert found["stored"] == 400
    assert found["served_twice"] <= found["reported_lost"]
    assert llm.floor(count=400, seconds=0.1, concurrency=20, faults=0.0, kills=0, folder="")["value"] == pytest.approx(2.0)
