"""`sracl init` in folders of every kind, and what can be done in them afterwards."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from sracl import paths
from sracl.cli.app import main
from tests.support.recipes import called

MADE = [".gitignore", ".sracl", "recipes", "recipes/my_first.toml", "recipes/recipe.schema.json"]

NEXT = ["Next:", "  sracl run recipes/my_first.toml --dry-run", "  sracl run recipes/my_first.toml"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, of which no variable says that it is a project."""
    monkeypatch.delenv("SRACL_HOME", raising=False)
    monkeypatch.delenv("SRACL_DB", raising=False)
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Of a shell in the folder that was told nothing of sracl but where its cache is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SRACL_") or name == "SRACL_CACHE_DIR"}
    return {**kept, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


def below(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["init", *arguments]) == 0
    written = capsys.readouterr()
    assert written.err == ""
    return written.out.splitlines()


def test_an_empty_folder_becomes_a_project(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrote = ["written  .sracl/", "written  recipes/my_first.toml", "written  recipes/recipe.schema.json", "written  .gitignore", ""]
    assert said(capsys) == wrote + NEXT
    assert below(here) == MADE
    (here / "recipes" / "deeper").mkdir()
    assert paths.project() == here
    assert {".sracl/", "runs/"} <= set((here / ".gitignore").read_text().splitlines())


def test_the_first_recipe_is_planned_as_it_stands(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys)
    done = called("run", "recipes/my_first.toml", "--dry-run", environment=environment(here))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("my_first (recipes/my_first.toml): 2 runs")
    assert "w/o CL · seed 2024" in done.stdout
    assert below(here) == MADE


def test_the_first_recipe_trains_on_the_data_that_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys)
    small = ["data.num_users=60", "train.epochs=1", "backbone.hidden_size=8"]
    sets = [part for value in small for part in ("--set", value)]
    done = called("run", "recipes/my_first.toml", *sets, "--device", "cpu", "--quiet", environment=environment(here))
    assert done.returncode == 0, done.stderr
    assert "w/o CL" in done.stdout
    assert (here / ".sracl" / "store.db").is_file()


def test_the_first_recipe_names_its_schema_and_keeps_to_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys)
    text = (here / "recipes" / "my_first.toml").read_text("utf-8")
    named = text.splitlines()[0].removeprefix("#:schema ")
    made = json.loads((here / "recipes" / named).read_text("utf-8"))
    assert list(Draft7Validator(made).iter_errors(tomllib.loads(text))) == []
    assert main(["schema"]) == 0
    assert (here / "recipes" / named).read_text("utf-8") == capsys.readouterr().out


def test_every_value_of_the_first_recipe_has_a_remark(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys)
    written = (here / "recipes" / "my_first.toml").read_text("utf-8").partition("\nrecipe = 1")[2]
    values = [line for line in written.splitlines() if " = " in line]
    assert len(values) > 15
    assert [line for line in values if "   # " not in line] == []


def test_a_second_time_changes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys)
    before = {file: file.read_bytes() for file in here.rglob("*") if file.is_file()}
    kept = ["kept     recipes/my_first.toml", "kept     recipes/recipe.schema.json", "kept     .gitignore", ""]
    assert said(capsys) == kept + NEXT
    assert {file: file.read_bytes() for file in here.rglob("*") if file.is_file()} == before


def test_what_is_there_stays_and_what_it_lacks_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "recipes").mkdir()
    (here / "recipes" / "my_first.toml").write_text("theirs")
    (here / "recipes" / "recipe.schema.json").symlink_to(here / "nowhere")
    (here / ".gitignore").write_text("/runs/\n*.pyc\n")
    assert said(capsys)[:4] == [
        "written  .sracl/",
        "kept     recipes/my_first.toml",
        "kept     recipes/recipe.schema.json; `sracl schema -o recipes/recipe.schema.json` writes that of now",
        "kept     .gitignore; add .sracl/",
    ]
    assert (here / "recipes" / "my_first.toml").read_text() == "theirs"
    assert (here / ".gitignore").read_text() == "/runs/\n*.pyc\n"
    assert not (here / "nowhere").exists()


def test_a_folder_that_is_named_is_made(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "new lab/first")[4:] == ["", "Next:", "  cd 'new lab/first'", *NEXT[1:]]
    assert below(here / "new lab" / "first") == MADE
    assert said(capsys, str(here / "new lab" / ".." / "new lab" / "first"))[-1] == NEXT[-1]


@pytest.mark.parametrize(
    ("taken", "told"), [("recipes", "The folder recipes cannot be made"), (".sracl", "The folder .sracl cannot be made")]
)
def test_a_file_where_a_folder_belongs(here: Path, taken: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / taken).write_text("theirs")
    assert main(["init"]) == 2
    assert told in capsys.readouterr().err
    assert (here / taken).read_text() == "theirs"


def test_another_project_that_has_a_part_in_it_is_named(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys)
    monkeypatch.setenv("SRACL_HOME", str(tmp_path / "home"))
    assert main(["init", "inner"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"{here} is a project as well; what is run in {here / 'inner'} belongs to the new one from now on.",
        f"SRACL_HOME is set, so runs belong to the project in {tmp_path / 'home'}, wherever they are started.",
    ]
