"""A disk that is too full is told before anything is begun, and none that is not."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from sracl import disk, paths
from sracl.engine import checkpoint
from sracl.errors import BudgetError
from sracl.recipes.plan import plan
from sracl.runs import execute
from sracl.runs.room import demand_checkpoints
from sracl.runs.screen import Screen
from sracl.tracking import queries
from sracl.tracking.store import Store
from tests.support.recipes import project, sracl_recipe
from tests.support.training import Kept, trainer

_Usage = namedtuple("_Usage", "total used free")


def leave(monkeypatch: pytest.MonkeyPatch, free: int, *, of: Path | None = None, total: int = 2**41) -> None:
    """Have the disk of a folder, or every one, say that so many bytes are free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(total, 0, free if of is None or Path(path).is_relative_to(of) else 2**40))


@pytest.fixture
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)
    paths.cache().mkdir(parents=True, exist_ok=True)


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(("folder", "variable"), [("project", "SRACL_HOME"), ("cache", "SRACL_CACHE_DIR")])
def test_nothing_is_begun_on_a_disk_that_is_as_good_as_full(
    folder: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = getattr(paths, folder)()
    leave(monkeypatch, disk.LEAST - 1, of=full)
    wanted = plan(str(sracl_recipe(tmp_path)))
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        with pytest.raises(BudgetError, match=rf"has 104\.9 MB left.*set {variable} to") as told:
            execute.execute(wanted, store, screen, device="cpu")
        assert str(told.value).startswith(str(full))
        assert queries.runs(store) == []
    with pytest.raises(BudgetError, match=variable):
        execute.demand([wanted, wanted], device="cpu")


@pytest.mark.usefixtures("_here")
def test_what_needs_no_texts_begins_though_the_cache_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, 0, of=paths.cache())
    execute.demand([plan("methods/sasrec")], device="cpu")


@pytest.mark.usefixtures("_here")
def test_a_disk_that_does_not_say_is_no_reason_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(monkeypatch, 0, total=0)
    execute.demand([plan("methods/sasrec")], device="cpu")


def test_checkpoints_are_what_was_foreseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainer(tmp_path, Kept())
    files = made.files
    foreseen = files.room()
    leave(monkeypatch, foreseen - 1)
    with pytest.raises(BudgetError, match="the checkpoints of this training take"):
        demand_checkpoints(files)
    leave(monkeypatch, foreseen)
    demand_checkpoints(files)
    made.fit()
    tensors = [sum(tensor.nbytes for tensor in checkpoint.read(file)[0].values()) for file in (files.last, files.best)]
    assert foreseen <= 2 * tensors[0] + tensors[1] <= 1.05 * foreseen
    leave(monkeypatch, 0)
    demand_checkpoints(files)  # it goes on where it was
