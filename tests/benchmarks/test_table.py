"""The table of a README."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import table
from benchmarks.harness import BenchmarkError


def result(name: str, **changes: Any) -> dict[str, Any]:
    """A stored result."""
    return {
        "name": name,
        "what": "a step",
        "unit": "ms",
        "ours": 10.0,
        "peer": 1234.5,
        "ratio": 123.45,
        "floor": 4.0,
        "over_floor": 2.5,
        "peer_is": "another",
        "threads": 2,
        "load": {"before": 0.1, "during": 2.0, "others": 0.0},
        "machine": {"cpu": "A processor", "cores": 2, "avx512_bf16": True, "amx_bf16": False},
        "versions": {"torch": "2.13.0", "python": "3.11.7"},
        **changes,
    }


def test_figures_with_a_peer_come_first() -> None:
    lines = table.markdown([result("alone", peer=None, ratio=None, floor=None, over_floor=None), result("beside")]).splitlines()
    assert lines[0].startswith("A processor, 2 threads of 2 cores, bf16 instructions: AVX-512; torch 2.13.0")
    assert lines[4] == "| `beside`: a step | 10.0 ms | 1,234 ms | **123.45×** | 4.00 ms | 2.50 | 0.1, 0.0 | another |"
    assert lines[5] == "| `alone`: a step | 10.0 ms |  |  |  |  | 0.1, 0.0 | another |"


def test_only_what_stands_between_the_comments_is_rewritten(tmp_path: Path) -> None:
    readme, other = tmp_path / "README.md", tmp_path / "OTHER.md"
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    other.write_text("nothing here\n")
    (tmp_path / "one.json").write_text(json.dumps([result("one"), result("two")]))
    (tmp_path / "board.json").write_text(json.dumps({"schema": 1, "data": []}))
    assert table.rewrite(tmp_path, [readme, other]) == [readme]
    text = readme.read_text()
    assert text.startswith(f"before\n{table.BEGIN}\n")
    assert text.endswith(f"{table.END}\nafter\n")
    assert "old" not in text
    assert "`one`" in text
    assert "`two`" in text
    assert table.rewrite(tmp_path, [readme]) == [readme]
    assert readme.read_text() == text


def test_no_results_and_no_comments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="holds no results"):
        table.rewrite(tmp_path)
    (tmp_path / "one.json").write_text(json.dumps(result("one")))
    (tmp_path / "README.md").write_text("no comments")
    with pytest.raises(BenchmarkError, match="no README"):
        table.rewrite(tmp_path, [tmp_path / "README.md"])
