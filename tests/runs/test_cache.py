"""What the cache holds is told as it is, and nothing goes that anybody makes, uses or has used meanwhile."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sracl.runs.artifacts import FACTS, Artifact, Artifacts
from sracl.runs.cache import Kept, contents, remove

DATA = {"data": "fingerprint", "unit": "item", "llm": {"use": "template"}}
MONTH = datetime.now(UTC) - timedelta(days=30)


def texts(folder: Path) -> Mapping[str, Any]:
    (folder / "texts").write_text("hello")
    return {"dataset": "office"}


def vectors(folder: Path) -> Mapping[str, Any]:
    (folder / "vectors").write_bytes(b"x" * 100)
    return {}


def made(artifacts: Artifacts) -> list[Artifact]:
    """Texts, vectors and neighbours, each of the one before."""
    described = artifacts.make("describe", DATA, texts)
    embedded = artifacts.make("embed", {"from": described.digest, "text_encoder": {"use": "lsa"}}, vectors, inputs=[described])
    key = {"from": embedded.digest, "retriever": {"use": "exact"}}
    return [described, embedded, artifacts.make("retrieve", key, vectors, inputs=[embedded])]


def age(artifact: Artifact, days: int = 45) -> None:
    then = time.time() - days * 86400
    os.utime(artifact.folder / FACTS, (then, then))


def forgotten(root: Path) -> list[Artifact]:
    """The three of them, used by nobody for long."""
    found = made(Artifacts(root))
    gc.collect()  # nobody holds them any more
    for artifact in found:
        age(artifact)
    return found


def test_each_thing_is_told_with_what_made_it_and_of_which_data(tmp_path: Path) -> None:
    found = forgotten(tmp_path)
    age(found[1], 3)
    age(found[2], 50)
    told = contents(tmp_path, {})
    assert [(each.stage, each.made_with, each.of, each.dataset, each.damage) for each in told] == [
        ("embed", "lsa", "items", "office", ""),
        ("describe", "template", "items", "office", ""),
        ("retrieve", "exact", "items", "office", ""),
    ]
    assert [each.digest for each in told] == [found[1].digest, found[0].digest, found[2].digest]
    assert told[0].bytes == 100 + (found[1].folder / FACTS).stat().st_size
    assert (datetime.now(UTC) - told[0].used).days == 3


def test_runs_tell_the_data_of_vectors_whose_texts_are_gone(tmp_path: Path) -> None:
    described, embedded, retrieved = forgotten(tmp_path)
    shutil.rmtree(described.folder)
    told = {each.digest: each for each in contents(tmp_path, {embedded.digest: "beauty"})}
    assert [told[each.digest].dataset for each in (embedded, retrieved)] == ["beauty", "beauty"]
    assert contents(tmp_path / "nowhere", {}) == []


def test_using_something_is_noticed_without_changing_it(tmp_path: Path) -> None:
    forgotten(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert all(each.used < MONTH for each in contents(tmp_path, {}))
    assert all(artifact.was_cached for artifact in made(Artifacts(tmp_path)))
    assert all(datetime.now(UTC) - each.used < timedelta(minutes=1) for each in contents(tmp_path, {}))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_looking_whether_something_is_there_is_no_use(tmp_path: Path) -> None:
    forgotten(tmp_path)
    assert Artifacts(tmp_path).has("describe", DATA)
    assert all(each.used < MONTH for each in contents(tmp_path, {}))


def test_what_is_removed_is_made_anew_when_it_is_asked_for(tmp_path: Path) -> None:
    forgotten(tmp_path)
    assert [remove(each, unused_since=MONTH) for each in contents(tmp_path, {})] == ["", "", ""]
    assert contents(tmp_path, {}) == []
    assert [artifact.was_cached for artifact in made(Artifacts(tmp_path))] == [False] * 3


def test_what_was_used_since_it_was_looked_at_stays(tmp_path: Path) -> None:
    forgotten(tmp_path)
    seen = contents(tmp_path, {})
    made(Artifacts(tmp_path))
    gc.collect()
    assert {remove(each, unused_since=MONTH) for each in seen} == {"was used just now"}
    assert len(contents(tmp_path, {})) == 3


PROGRAM = """
import sys, time
from pathlib import Path
from sracl.runs.artifacts import Artifacts
root, what = Path(sys.argv[1]), sys.argv[2]
def build(folder):
    (folder / "half").write_text("x")
    print("ready", flush=True)
    time.sleep(120)
artifacts = Artifacts(root)
key = {"data": "fingerprint", "unit": "item", "llm": {"use": "template"}}
artifacts.make("describe", key if what == "using" else {"data": "another"}, build)
print("ready", flush=True)
time.sleep(120)
"""


@pytest.mark.parametrize("doing", ["using", "making"])
def test_what_another_process_uses_or_makes_stays_until_it_ends(tmp_path: Path, doing: str) -> None:
    described, _, _ = forgotten(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), doing], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        far = datetime.now(UTC) + timedelta(days=1)
        if doing == "using":
            (theirs,) = [each for each in contents(tmp_path, {}) if each.digest == described.digest]
            assert remove(theirs, unused_since=far) == "is in use"
            assert described.folder.is_dir()
        else:
            assert not any(each.is_leftover for each in contents(tmp_path, {}))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    left = [each for each in contents(tmp_path, {}) if each.is_leftover or each.digest == described.digest]
    assert any(each.is_leftover for each in left) == (doing == "making")
    assert {remove(each, unused_since=far) for each in left} == {""}
    assert not [path for path in (tmp_path / "describe").iterdir()]


def broken(found: list[Artifact], how: str) -> None:
    if how == "cut":
        (found[1].folder / "vectors").write_bytes(b"x")
    elif how == "unsealed":
        (found[1].folder / FACTS).write_text("{")
    else:
        (found[1].folder / FACTS).unlink()


@pytest.mark.parametrize("how", ["cut", "unsealed", "without facts"])
def test_what_is_damaged_goes_however_new_it_is(tmp_path: Path, how: str) -> None:
    found = made(Artifacts(tmp_path))
    gc.collect()
    broken(found, how)
    (damaged,) = [each for each in contents(tmp_path, {}) if each.damage]
    assert damaged.digest == found[1].digest
    assert remove(damaged, unused_since=MONTH) == ""
    assert {each.digest for each in contents(tmp_path, {})} == {found[0].digest, found[2].digest}


def test_what_others_have_put_there_is_not_seen(tmp_path: Path) -> None:
    forgotten(tmp_path)
    for name in ("notes", ".hidden", "a" * 39, f"{'a' * 40}-mine"):
        (tmp_path / "embed" / name).mkdir()
    (tmp_path / "embed" / ("a" * 40)).write_text("a file")
    (tmp_path / "mine" / ("a" * 40)).mkdir(parents=True)
    assert len(contents(tmp_path, {})) == 3


def test_a_process_that_was_killed_while_it_removed_leaves_what_the_next_one_removes(tmp_path: Path) -> None:
    described, _, _ = forgotten(tmp_path)
    program = (
        "import os, shutil, signal, sys; from pathlib import Path; from datetime import UTC, datetime; from sracl.runs import cache\n"
        "shutil.rmtree = lambda place: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cache.remove(next(each for each in cache.contents(Path(sys.argv[1]), {}) if each.stage == 'describe'), "
        "unused_since=datetime.now(UTC))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not described.folder.exists()
    (left,) = [each for each in contents(tmp_path, {}) if each.is_leftover]
    assert isinstance(left, Kept)
    assert remove(left, unused_since=MONTH) == ""
    assert list((tmp_path / "describe").iterdir()) == []


def test_what_was_begun_goes_when_it_is_old_and_stays_while_somebody_goes_on_with_it(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    begun = artifacts.unfinished("embed", DATA)
    begun.mkdir(parents=True)
    (begun / "0.npy").write_bytes(b"x" * 70)
    (told,) = contents(tmp_path, {})
    assert (told.stage, told.bytes, told.damage, told.is_begun) == ("embed", 70, "", True)
    assert remove(told, unused_since=MONTH) == "was used just now"

    def build(folder: Path) -> Mapping[str, Any]:
        assert contents(tmp_path, {}) == []
        assert remove(told, unused_since=datetime.now(UTC)) == "is being made"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        artifacts.make("embed", DATA, build)
    for path in (begun / "0.npy", begun):
        os.utime(path, (0, 0))
    assert remove(told, unused_since=MONTH) == ""
    assert contents(tmp_path, {}) == []
    assert not begun.exists()


def test_of_an_artifact_on_another_disk_the_link_goes_and_it_is_made_anew(tmp_path: Path) -> None:
    described, _, _ = forgotten(tmp_path)
    elsewhere = described.folder.rename(tmp_path / "large disk")
    described.folder.symlink_to(elsewhere)
    (linked,) = [each for each in contents(tmp_path, {}) if each.digest == described.digest]
    assert remove(linked, unused_since=MONTH) == ""
    assert list((tmp_path / "describe").iterdir()) == []
    assert (elsewhere / "texts").is_file()
    assert not Artifacts(tmp_path).make("describe", DATA, texts).was_cached


def test_a_link_that_a_killed_process_put_aside_is_in_nobodys_way(tmp_path: Path) -> None:
    described, _, _ = forgotten(tmp_path)
    aside = described.folder.parent / f".{described.digest}-gone-1"
    aside.symlink_to(described.folder.rename(tmp_path / "large disk"))
    assert not Artifacts(tmp_path).make("describe", DATA, texts).was_cached
    assert [path.name for path in (tmp_path / "describe").iterdir()] == [described.digest]
    assert (tmp_path / "large disk" / "texts").is_file()


def test_pieces_that_a_process_is_writing_and_taking_away_are_no_error(tmp_path: Path) -> None:
    begun = Artifacts(tmp_path).unfinished("embed", DATA)
    program = (
        "import shutil, sys; from pathlib import Path; folder = Path(sys.argv[1])\n"
        "while True:\n"
        "    folder.mkdir(parents=True, exist_ok=True)\n"
        "    for number in range(20):\n"
        "        (folder / f'{number}.tmp').touch()\n"
        "        (folder / f'{number}.tmp').replace(folder / str(number))\n"
        "    shutil.rmtree(folder)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(begun)])
    try:
        until = time.monotonic() + 30
        while not begun.is_dir():
            assert time.monotonic() < until
        for _ in range(300):
            assert len(contents(tmp_path, {})) <= 1
    finally:
        process.kill()
        process.wait()
