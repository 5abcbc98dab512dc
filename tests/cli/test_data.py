"""`sracl data` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sracl.cli.data import app
from sracl.errors import DataError

INTERACTIONS = "user\titem\nann\t1\nann\t2\nann\t3\nben\t2\nben\t1\nben\t3\ncy\t2\n"
ITEMS = '{"item": 1, "title": "One"}\n{"item": 2, "title": "Two"}\n{"item": 3, "title": "Three"}\n'
DROPPED = "1 user with fewer than 3 interactions: left out"

runner = CliRunner()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set called toy in the only data folder."""
    folder = tmp_path / "home" / "toy"
    folder.mkdir(parents=True)
    (folder / "interactions.tsv").write_text(INTERACTIONS)
    (folder / "items.jsonl").write_text(ITEMS)
    monkeypatch.setenv("SRACL_DATA", str(folder.parent))
    monkeypatch.setattr("sracl.paths.user_data", lambda: tmp_path / "user")
    return folder


def test_list_names_what_is_here_and_what_is_not(toy: Path) -> None:
    rows = {row["name"]: row for row in json.loads(runner.invoke(app, ["list", "--json"]).stdout)["data"]}
    assert rows["toy"]["where"] == str(toy)
    assert rows["demo"]["origin"] == "generated"
    assert rows["yelp"]["origin"] == "absent"
    lines = runner.invoke(app, ["list"]).stdout.splitlines()
    assert len(lines) == 1 + len(rows)
    assert any(line.startswith("toy ") and str(toy) in line for line in lines)


def test_stats_counts(toy: Path) -> None:
    result = runner.invoke(app, ["stats", "toy", "--json"])
    document = json.loads(result.stdout)
    assert document["schema"] == 1
    assert document["errors"] == []
    assert document["data"][0]["users"] == 2
    assert document["data"][0]["notes"] == [DROPPED]
    shown = runner.invoke(app, ["stats", "toy"])
    assert ["interactions", "6"] in [line.split() for line in shown.stdout.splitlines()]
    assert f"note: {DROPPED}" in shown.stderr


def test_verify_says_what_it_found(toy: Path) -> None:
    result = runner.invoke(app, ["verify", "toy"])
    assert result.exit_code == 0
    assert result.stdout == "toy: 2 users, 3 items, 6 interactions; all is well\n"
    assert result.stderr == f"note: {DROPPED}\n"
    assert json.loads(runner.invoke(app, ["verify", "toy", "--json"]).stdout)["data"][0]["interactions"] == 6


def test_verify_ends_with_the_reason(toy: Path) -> None:
    (toy / "items.jsonl").write_text(ITEMS + "{}\n")
    error = runner.invoke(app, ["verify", "toy"]).exception
    assert isinstance(error, DataError)
    assert error.exit_code == 4
    assert "items.jsonl:4: `item` should name the item" in str(error)


def test_import_makes_a_folder_known_by_name(toy: Path, tmp_path: Path) -> None:
    first = runner.invoke(app, ["import", str(toy), "--name", "mine"])
    assert first.stdout == f"mine: 2 users, 3 items, 6 interactions, now in {tmp_path / 'user' / 'mine'}\n"
    assert runner.invoke(app, ["verify", "mine"]).exit_code == 0
    again = runner.invoke(app, ["import", str(toy), "--name", "mine"])
    assert isinstance(again.exception, DataError)
    assert runner.invoke(app, ["import", str(toy), "--name", "mine", "--force"]).exit_code == 0
