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


def test_counts_stand_in_a_table_of_their_own_as_shares_of_the_peer() -> None:
    sides = {"ours": {"sequences": 3.0, "tokens": 20.0, "products": 9.0}, "peer": {"sequences": 1.0, "tokens": 8.0, "products": 6.0}}
    text = table.markdown([result("counted", ours=10.0, peer=4.0, ratio=0.4, details=sides), result("beside")])
    first, second = text.split("\n\n")[1:]
    assert "counted" not in first
    assert second.splitlines() == [
        "| ÷ another | sequences | tokens | products | time | ours | peer | load |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| `counted`: a step | 3.00 | 2.50 | 1.50 | **2.50** | 10.0 ms | 4.00 ms | 0.1, 0.0 |",
    ]


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
