from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from sracl import paths
from sracl.cli.app import main
from sracl.registry.catalog import catalog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_DATA", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, str]]:
    assert main(["list", *arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["schema"] == 1
    rows: list[dict[str, str]] = answer["data"]
    return rows


def test_everything_that_a_recipe_may_name_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    found = {(row["kind"], row["name"]) for row in rows}
    cards = {(file.parent.name, file.stem) for file in paths.shipped("registry").rglob("*.toml")}
    assert {card for card in cards if card[0] not in ("methods", "results")} <= found
    assert ("recipes", "ablation_unlearnable") in found
    assert all(row["summary"] for row in rows)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("losses", {"cross_entropy", "info_nce", "nt_xent"}),
        ("loss", {"info_nce"}),
        ("methods", {"sracl"}),
        ("metrics", {"hr", "ndcg", "mrr", "coverage", "novelty"}),
        ("llms", {"deepseek-chat", "ollama"}),
    ],
)
def test_a_kind_is_listed_alone(kind: str, names: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys, kind)
    assert names <= {row["name"] for row in rows}
    assert len({row["kind"] for row in rows}) == 1


def test_components_are_neither_data_nor_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = {row["kind"] for row in listed(capsys, "components")}
    assert "backbones" in kinds
    assert not kinds & {"datasets", "recipes", "llms", "methods", "results"}


def test_recipes_are_listed_with_their_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row["summary"] for row in listed(capsys, "recipes")}
    first = (paths.shipped("recipes") / "quickstart.toml").read_text().splitlines()[0]
    assert rows["quickstart"] in first


def test_a_data_set_without_a_card_is_listed_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data" / "corner_shop").mkdir(parents=True)
    (tmp_path / "data" / "corner_shop" / "interactions.tsv").write_text("user\titem\n")
    monkeypatch.setenv("SRACL_DATA", str(tmp_path / "data"))
    rows = {row["name"]: row["summary"] for row in listed(capsys, "datasets")}
    assert str(tmp_path / "data" / "corner_shop") in rows["corner_shop"]


def test_in_a_pipe_every_thing_is_one_line_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "losses"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split() == ["kind", "name", "what", "it", "is"]
    assert [line.split()[1] for line in lines] == catalog().names("loss")
    assert len({line.index(line.split()[1]) for line in lines}) == 1


def test_on_a_terminal_it_is_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["list", "losses"]) == 0
    assert "─" in capsys.readouterr().out


def test_an_unknown_kind_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "backbnes"]) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert "Did you mean 'backbones'?" in written.err


def test_a_data_folder_that_cannot_be_read_is_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SRACL_DATA", str(tmp_path / "file"))
    assert main(["list", "datasets"]) == 0
    assert f"The data folder {tmp_path / 'file'} cannot be read: Not a directory." in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_data_folder_that_may_not_be_read_hides_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    monkeypatch.setenv("SRACL_DATA", str(tmp_path / "closed"))
    assert main(["list", "datasets"]) == 0
    shown = capsys.readouterr()
    assert "demo" in shown.out
    assert "cannot be read: Permission denied." in shown.err
