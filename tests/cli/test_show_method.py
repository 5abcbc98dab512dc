"""What `sracl show` says of methods: parts, files, equations, published figures."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from sracl.cli.app import app
from sracl.registry.catalog import catalog

METHODS = [card.name for card in catalog().cards("method")]


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["show", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", METHODS)
def test_every_method_shows_its_parts_with_their_files(name: str) -> None:
    (data,) = json.loads(shown(f"methods/{name}", "--json"))["data"]
    paths = [part["path"] for part in data["parts"]]
    assert paths[0] == "backbone"
    assert len(set(paths)) == len(paths)
    assert any(path.startswith("objective.") for path in paths)
    for part in data["parts"]:
        assert part["summary"]
        assert part["component"].startswith("view.") or ".py:" in part["source"]


def test_equations_and_published_figures_of_sracl() -> None:
    text = shown("methods/sracl")
    assert "objective.cross.synthesizer  synthesizers/attention" in text
    assert "h_u⁺ = Σ_{v ∈ N_u} ω_uv h_v" in text
    # Table 2, Office: .1111 .1702 .0575 .0725, and of Table 3 the two that it prints
    assert "office   0.1111  0.1702  0.0575   0.0725   Table 2 (sracl-table2)" in " ".join(text.splitlines())
    assert "Table 3 (sracl-table3)" in text


def test_figures_of_another_protocol_say_so() -> None:
    (data,) = json.loads(shown("methods/bsarec", "--json"))["data"]
    (row,) = data["published"]
    assert row["values"]["hr@20"] == 0.1373
    assert "seen_items zero" in row["protocol"]
    assert "max_length 50" in row["protocol"]
