"""Data sets put into the user's data folder: checked, and whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sracl.data import datasets
from sracl.data.install import install, install_made
from sracl.errors import BudgetError, DataError

INTERACTIONS = "user\titem\nann\t1\nann\t2\nann\t3\nben\t2\nben\t1\nben\t3\ncy\t2\n"
ITEMS = '{"item": 1, "title": "One"}\n{"item": 2, "title": "Two"}\n{"item": 3, "title": "Three"}\n'

MakeFolder = Callable[..., Path]


@pytest.fixture
def toy_folder(make_folder: MakeFolder) -> Path:
    return make_folder(interactions=INTERACTIONS, items=ITEMS)


def test_an_import_is_found_afterwards(toy_folder: Path, tmp_path: Path) -> None:
    target, imported = install(toy_folder, "mine")
    assert target == tmp_path / "user" / "mine"
    assert sorted(file.name for file in target.iterdir()) == ["interactions.tsv", "items.jsonl"]
    assert datasets.load("mine").fingerprint == imported.fingerprint
    assert [entry.name for entry in target.parent.iterdir()] == ["mine"]


def test_an_import_replaces_nothing_unasked(toy_folder: Path) -> None:
    install(toy_folder, "mine")
    (toy_folder / "interactions.tsv").write_text(INTERACTIONS.replace("ben", "bob"))
    with pytest.raises(DataError, match="'mine' has been imported already"):
        install(toy_folder, "mine")
    assert datasets.load("mine").users == ("ann", "ben")
    install(toy_folder, "mine", replace=True)
    assert datasets.load("mine").users == ("ann", "bob")


@pytest.mark.parametrize(
    ("name", "what"),
    [("a/b", "cannot name a data set"), ("..", "cannot name a data set"), ("demo", "is a generated data set"), ("toy", "found in")],
)
def test_names_that_an_import_cannot_have(toy_folder: Path, name: str, what: str) -> None:
    with pytest.raises(DataError, match=what):
        install(toy_folder, name, replace=True)


def test_a_bad_folder_is_not_imported(make_folder: MakeFolder, tmp_path: Path) -> None:
    bad = make_folder("bad", interactions="user\titem\nann\n", items=ITEMS)
    with pytest.raises(DataError, match=r"interactions\.tsv:2: expected 2 fields"):
        install(bad, "mine")
    assert not (tmp_path / "user").exists()


def test_a_full_disk_leaves_what_was_there(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, before = install(toy_folder, "mine")
    (toy_folder / "interactions.tsv").write_text(INTERACTIONS.replace("ben", "bob"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(BudgetError, match="no space is left"):
        install(toy_folder, "mine", replace=True)
    assert datasets.load("mine").fingerprint == before.fingerprint
    assert [entry.name for entry in target.parent.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_moved_leaves_what_was_there(toy_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, before = install(toy_folder, "mine")
    rename = Path.rename

    def refuse(path: Path, to: Path) -> Path:
        if path.name == "fresh":
            raise PermissionError(errno.EACCES, "Permission denied")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(DataError, match=r"'mine' cannot be written to .* \(Permission denied\)"):
        install(toy_folder, "mine", replace=True)
    assert datasets.load("mine").fingerprint == before.fingerprint
    assert [entry.name for entry in target.parent.iterdir()] == ["mine"]


def test_what_is_made_is_checked_before_it_is_kept(data_home: Path, tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "interactions.tsv").write_text(INTERACTIONS)

    with pytest.raises(DataError, match="what shop.csv gives: is not the 'office' it is called: it holds 3 users where"):
        install_made(make, "office", called="what shop.csv gives")
    assert list((tmp_path / "user").iterdir()) == []
    target, made = install_made(make, "mine", called="what shop.csv gives")
    assert (target.name, made.num_users, datasets.load("mine").fingerprint) == ("mine", 2, made.fingerprint)
