"""Whoever reads a file finds all of it, whoever is killed while it is written, and however many write it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sracl.whole_file import sweep, sweep_dead, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_the_file_is_there_with_the_rights_that_any_new_file_gets(tmp_path: Path, durable: bool) -> None:
    file, other = tmp_path / "a.csv.gz", tmp_path / "other"
    other.touch()
    assert write_whole(file, lambda part: (part.name, part.write_text("new")), durable=durable) == ("a.csv.gz", 3)
    assert file.read_text() == "new"
    assert file.stat().st_mode == other.stat().st_mode
    assert names(tmp_path) == ["a.csv.gz", "other"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")

    def broken(part: Path) -> None:
        part.write_text("half")
        assert file.read_text() == "old"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_whole(file, broken)
    assert (file.read_text(), names(tmp_path)) == ("old", ["file"])


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "file"

    def slow(part: Path) -> None:
        with part.open("w") as opened:
            opened.write("slow " * 1000)
            thread = threading.Thread(target=write_whole, args=(file, lambda part: part.write_text("quick")))
            thread.start()
            thread.join()
            assert file.read_text() == "quick"
            opened.write("slow")

    write_whole(file, slow)
    assert file.read_text() == "slow " * 1000 + "slow"
    assert names(tmp_path) == ["file"]


KILLED = """
import os, signal, sys
from pathlib import Path
from sracl.whole_file import write_whole

def half(part):
    part.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

write_whole(Path(sys.argv[1]), half)
"""


def test_what_a_killed_process_leaves_is_found_by_no_search_and_goes_when_it_is_swept(tmp_path: Path) -> None:
    file = tmp_path / "last.safetensors"
    file.write_text("old")
    (tmp_path / "plan.json").touch()
    assert subprocess.run([sys.executable, "-c", KILLED, str(file)], timeout=60).returncode == -signal.SIGKILL
    assert file.read_text() == "old"
    assert len(names(tmp_path)) == 3
    assert [*tmp_path.glob("*last.safetensors"), *tmp_path.glob("*.safetensors")] == [file, file]
    sweep(tmp_path, "*.npz")
    assert len(names(tmp_path)) == 3
    sweep(tmp_path, "*.npz", "*.safetensors")
    assert names(tmp_path) == ["last.safetensors", "plan.json"]


def test_what_a_killed_process_has_left_goes_and_what_another_writes_stays(tmp_path: Path) -> None:
    file, of_another, strange = tmp_path / "a.csv", tmp_path / "a.csv.gz", tmp_path / ".part-a.csv-notours1"
    strange.mkdir()
    (strange / "mine.txt").touch()
    for killed in (file, of_another):
        assert subprocess.run([sys.executable, "-c", KILLED, str(killed)], timeout=60).returncode == -signal.SIGKILL
    assert len(names(tmp_path)) == 3
    sweep_dead(file)
    assert len(names(tmp_path)) == 3  # what was just begun may not be locked yet

    def slow(part: Path) -> None:
        part.write_text("slow")
        for folder in tmp_path.glob(".part-*"):
            os.utime(folder, (0, 0))
        sweep_dead(file)
        assert part.read_text() == "slow"
        assert len(names(tmp_path)) == 3

    write_whole(file, slow)
    assert (file.read_text(), strange.is_dir()) == ("slow", True)
    assert [path.name for path in tmp_path.glob(".part-*/*")] in (["a.csv.gz", "mine.txt"], ["mine.txt", "a.csv.gz"])
    shutil.rmtree(tmp_path)  # other tests look for such folders beside their own
