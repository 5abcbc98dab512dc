from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import BudgetError, ResourceError
from sracl.runs.artifacts import FACTS, Artifacts, canonical, digest_of

KEY = {"k": 10, "from": "abc"}


class Builder:
    """Writes one file and counts how often it is asked to."""

    def __init__(self, text: str = "hello") -> None:
        self.text = text
        self.calls = 0

    def __call__(self, folder: Path) -> Mapping[str, Any]:
        self.calls += 1
        (folder / "file.txt").write_text(self.text)
        return {"rows": 3}


def leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / "embed").glob(".*")]


def reworded(folder: Path, old: str, new: str) -> None:
    """Another figure among the facts."""
    file = folder / FACTS
    file.write_text(file.read_text().replace(f'"rows": {old}', f'"rows": {new}'))


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "cache")


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"b": 1, "a": [1.5, None]}) == '{"a":[1.5,null],"b":1}'
    assert digest_of("embed", {"a": 1, "b": 2}) == digest_of("embed", {"b": 2, "a": 1})
    assert digest_of("embed", KEY) != digest_of("retrieve", KEY)
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_is_built_once(artifacts: Artifacts) -> None:
    build = Builder()
    assert not artifacts.has("embed", KEY)
    first = artifacts.make("embed", KEY, build)
    second = artifacts.make("embed", KEY, build)
    assert build.calls == 1
    assert (first.was_cached, second.was_cached) == (False, True)
    assert artifacts.has("embed", KEY)
    assert artifacts.verify("embed", KEY) == ""
    assert second.folder == artifacts.folder("embed", KEY)
    assert second.facts == {"rows": 3}
    assert second.size == 5
    # sha256 of "hello"
    assert second.files["file.txt"]["sha256"].startswith("2cf24dba5fb0a30e")
    assert json.loads((second.folder / FACTS).read_text())["key"] == KEY
    assert leftovers(artifacts.root) == []


def test_nothing_is_created_by_looking(artifacts: Artifacts) -> None:
    assert not artifacts.has("embed", KEY)
    assert artifacts.verify("embed", KEY) == "is missing"
    assert not artifacts.root.exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "file.txt").unlink(), "lacks file.txt"),
        (lambda folder: (folder / "file.txt").write_text("hell"), "4 bytes instead of 5"),
        (lambda folder: (folder / "file.txt").write_text("jello"), "other contents"),
        (lambda folder: (folder / FACTS).unlink(), "no readable facts.json"),
        (lambda folder: (folder / FACTS).write_text("{"), "no readable facts.json"),
        (lambda folder: (folder / FACTS).write_text("[]"), "no readable facts.json"),
        (lambda folder: reworded(folder, "3", "NaN"), "no readable facts.json"),
        (lambda folder: reworded(folder, "3", "4"), "facts.json that was changed after it was written"),
    ],
)
def test_a_damaged_one_is_made_anew_with_a_message(artifacts: Artifacts, damage: Any, message: str) -> None:
    build, told = Builder(), list[str]()
    made = artifacts.make("embed", KEY, build)
    damage(made.folder)
    assert message in artifacts.verify("embed", KEY)
    again = artifacts.make("embed", KEY, build, report=told.append)
    assert build.calls == 2
    assert not again.was_cached
    assert (again.folder / "file.txt").read_text() == "hello"
    assert len(told) == 1
    assert message in told[0]
    assert leftovers(artifacts.root) == []


def test_one_of_another_key_is_made_anew(artifacts: Artifacts) -> None:
    told: list[str] = []
    shutil.copytree(artifacts.make("embed", KEY, Builder()).folder, artifacts.folder("embed", {**KEY, "k": 9}))
    assert artifacts.verify("embed", {**KEY, "k": 9}) == "was made for another key"
    assert not artifacts.make("embed", {**KEY, "k": 9}, Builder("nine"), report=told.append).was_cached
    assert "was made for another key; making it anew" in told[0]


def test_other_contents_of_an_input_make_it_anew(artifacts: Artifacts) -> None:
    told: list[str] = []
    texts = artifacts.make("describe", KEY, Builder("one wording"))
    build = Builder()
    artifacts.make("embed", KEY, build, inputs=[texts])
    assert artifacts.make("embed", KEY, build, inputs=[texts]).was_cached
    (texts.folder / "file.txt").unlink()
    reworded = artifacts.make("describe", KEY, Builder("another wording"))
    assert reworded.digest == texts.digest
    assert not artifacts.make("embed", KEY, build, inputs=[reworded], report=told.append).was_cached
    assert "other inputs" in told[0]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_nothing_behind(artifacts: Artifacts, number: int) -> None:
    def build(folder: Path) -> Mapping[str, Any]:
        (folder / "half.bin").write_bytes(b"x" * 1000)
        raise OSError(number, os.strerror(number), str(folder / "half.bin"))

    with pytest.raises(BudgetError, match=r"embed: no space left on the disk of .*half\.bin.*SRACL_CACHE_DIR"):
        artifacts.make("embed", KEY, build)
    assert not artifacts.has("embed", KEY)
    assert leftovers(artifacts.root) == []
    assert artifacts.make("embed", KEY, Builder()).facts == {"rows": 3}


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_whatever_interrupts_leaves_nothing_behind(artifacts: Artifacts, failure: type[BaseException]) -> None:
    def build(folder: Path) -> Mapping[str, Any]:
        (folder / "half.bin").write_bytes(b"x")
        raise failure

    with pytest.raises(failure):
        artifacts.make("embed", KEY, build)
    assert list((artifacts.root / "embed").iterdir()) == []


def test_a_failed_rebuild_keeps_the_old_folder_where_it_is(artifacts: Artifacts) -> None:
    made = artifacts.make("embed", KEY, Builder())
    (made.folder / "file.txt").write_text("jello")

    def build(folder: Path) -> Mapping[str, Any]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        artifacts.make("embed", KEY, build)
    assert (made.folder / "file.txt").read_text() == "jello"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ResourceError, match="SRACL_CACHE_DIR"):
        Artifacts(tmp_path / "file" / "cache").make("embed", KEY, Builder())


PROGRAM = """
import os, sys, time
from pathlib import Path
from sracl.runs.artifacts import Artifacts
root, log, go = map(Path, sys.argv[1:])
def build(folder):
    (folder / "half.bin").write_bytes(b"x")
    with log.open("a") as out:
        out.write("built\\n")
    while not go.exists():
        time.sleep(0.01)
    (folder / "half.bin").rename(folder / "whole.bin")
    return {}
made = Artifacts(root).make("embed", {"k": 10, "from": "abc"}, build, report=lambda line: print(line, flush=True))
print(sorted(path.name for path in made.folder.iterdir()))
"""


def start(root: Path, log: Path, go: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(root), str(log), str(go)], stdout=subprocess.PIPE, text=True)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 300
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_two_processes_build_once_and_the_second_says_that_it_waits(tmp_path: Path) -> None:
    first = start(tmp_path / "cache", tmp_path / "log", tmp_path / "go")
    wait_for(tmp_path / "log")
    second = start(tmp_path / "cache", tmp_path / "log", tmp_path / "go")
    assert second.stdout is not None
    assert second.stdout.readline() == "embed: another process is making this; waiting for it\n"
    (tmp_path / "go").touch()
    (out_first, _), (out_second, _) = first.communicate(timeout=300), second.communicate(timeout=300)
    assert (tmp_path / "log").read_text() == "built\n"
    assert out_first == out_second == "['facts.json', 'whole.bin']\n"


def test_a_killed_process_leaves_nothing_that_is_used(tmp_path: Path) -> None:
    victim = start(tmp_path / "cache", tmp_path / "log", tmp_path / "never")
    wait_for(tmp_path / "log")
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=300)
    artifacts = Artifacts(tmp_path / "cache")
    assert leftovers(artifacts.root) != []
    assert not artifacts.has("embed", KEY)
    made = artifacts.make("embed", KEY, Builder())
    assert sorted(path.name for path in made.folder.iterdir()) == [FACTS, "file.txt"]
    assert leftovers(artifacts.root) == []


def test_what_a_builder_keeps_meanwhile_stays_until_its_artifact_is_there(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    place = artifacts.unfinished("embed", KEY)
    found = []

    def build_or_fail(folder: Path) -> Mapping[str, Any]:
        found.append(place.exists())
        place.mkdir(parents=True, exist_ok=True)
        (place / "piece").write_bytes(b"half")
        if len(found) == 1:
            raise KeyboardInterrupt
        return Builder()(folder)

    with pytest.raises(KeyboardInterrupt):
        artifacts.make("embed", KEY, build_or_fail)
    assert (place / "piece").read_bytes() == b"half"
    artifacts.make("embed", KEY, build_or_fail)
    assert found == [False, True]
    assert not place.exists()
