"""`sracl semantics` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sracl.cli.semantics import app
from sracl.errors import UsageError

runner = CliRunner()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_CACHE_DIR", str(cache))


def test_report_says_what_texts_know_and_what_it_makes_on_the_way() -> None:
    first = runner.invoke(app, ["report", "methods/sracl"])
    assert first.exit_code == 0
    assert first.stdout.startswith("demo: items template → lsa → exact; sequences template → lsa → exact\n")
    lines = {line.split("  ")[0]: line for line in first.stdout.splitlines()}
    assert "by popularity" in lines["HR@20 of the items most like the last"]
    assert "for random pairs" in lines["cosine of items chosen one after another"]
    assert "by chance" in lines["neighbours with the same target"]
    assert "embedding 697 items with lsa" in first.stderr
    assert "items once more, from one interaction less of each user" in first.stderr

    again = runner.invoke(app, ["report", "methods/sracl", "--json"])
    assert "embedding" not in again.stderr
    (told,) = json.loads(again.stdout)["data"]
    assert told["items"]["coverage"] == {"rows": 697, "zero": 0, "shared": 0}
    assert f"{told['items']['next_item']['by_text']:.4f}" in lines["HR@20 of the items most like the last"]
    assert told["sequences"]["neighbours"]["same_user"] == 0
    assert told["semantics"]["items"]["text_encoder"]["use"] == "lsa"


def test_report_takes_what_is_set_and_says_where_texts_have_seen_the_answer() -> None:
    shown = runner.invoke(app, ["report", "methods/sracl", "--set", "semantics.sequences.unit=user", "--as-they-are"])
    assert shown.exit_code == 0
    assert "at most: the texts may have seen them" in shown.stdout
    assert "once more" not in shown.stderr


def test_inspect_shows_a_row_and_its_neighbours_with_their_texts() -> None:
    shown = runner.invoke(app, ["inspect", "methods/sracl", "--item", "item-0007", "--set", "semantics.items.k=2"])
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("item-0007  ")
    assert lines[1].startswith("  text: ")
    assert sum(line.startswith("  0.") for line in lines) == 2
    data = json.loads(runner.invoke(app, ["inspect", "methods/sracl", "--user", "user-0003", "--json"]).stdout)["data"]
    assert data["row"]["name"].startswith("user-0003 up to ")
    assert len(data["neighbours"]) == 10


def test_variants_without_texts_are_passed_over(tmp_path: Path) -> None:
    recipe = tmp_path / "ablation.toml"
    recipe.write_text(
        'recipe = 1\nextends = "methods/sracl"\nname = "ablation"\n'
        '[[variant]]\nname = "w/o CL"\nset = { "objective.cross.weight" = 0.0, "objective.intra.weight" = 0.0 }\n'
        '[[variant]]\nname = "full"\n'
    )
    shown = runner.invoke(app, ["report", str(recipe)])
    assert shown.exit_code == 0
    assert shown.stdout.startswith("demo: items template → lsa → exact; sequences template → lsa → exact\n")
    shown = runner.invoke(app, ["inspect", str(recipe), "--item", "item-0007"])
    assert shown.exit_code == 0
    assert "ways of putting things into words" not in shown.stderr


@pytest.mark.parametrize("asked", [[], ["--item", "1", "--user", "2"]])
def test_inspect_wants_one_of_both(asked: list[str]) -> None:
    shown = runner.invoke(app, ["inspect", "methods/sracl", *asked])
    assert isinstance(shown.exception, UsageError)
    assert str(shown.exception) == "Give either --item or --user."
