from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from sracl.doctor.folders import file_system, judged, space

_Usage = namedtuple("_Usage", "total used free")


@pytest.mark.parametrize(("free", "level"), [(10 * 2**20, "problem"), (2**30, "warning"), (2**40, "ok")])
def test_room_on_the_disk(free: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(2**41, 0, free))
    check = space("cache", tmp_path / "not" / "there")
    assert check.level == level
    assert bool(check.mend) == (level != "ok")
    assert check.exit_code == (5 if level == "problem" else 1)


def test_a_file_system_that_says_nothing_of_its_size_is_not_taken_for_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: _Usage(0, 0, 0))
    check = space("cache", tmp_path)
    assert (check.level, check.found) == ("ok", f"{tmp_path}, whose file system does not say how much is free")


def test_a_folder_that_may_not_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    check = space("project", tmp_path)
    assert (check.level, check.exit_code) == ("problem", 5)
    assert "SRACL_HOME" in check.mend


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_warned_of(kind: str) -> None:
    check = judged(kind, Path("/home/me/.sracl/store.db"))
    assert check.level == "warning"
    assert "SRACL_DB" in check.mend


def test_the_file_system_of_a_store_that_is_not_there_yet_is_told(tmp_path: Path) -> None:
    assert "unknown" not in file_system(tmp_path / ".sracl" / "store.db").found
