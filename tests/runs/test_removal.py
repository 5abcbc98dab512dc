"""Runs go whole or not at all, whoever is killed when, and never under somebody's hands."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl import paths
from sracl.errors import ResourceError
from sracl.runs import folder, removal
from sracl.runs.removal import alone, obstacles
from sracl.tracking import identity, queries
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.support.closed import closed_folder

FILES = ("best.safetensors", "log.txt", "source/my_lab/models.py")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.delenv("SRACL_DB", raising=False)
    with Store.open(paths.store_file()) as opened:
        yield opened


def register(store: Store, run_id: str) -> None:
    store.register(
        run_id=run_id, digest=f"digest of {run_id}", recipe="small", variant="", cell={}, seed=1, label=f"small · {run_id}", dataset="demo",
        values={}, origins={}, leaky=(), folder=str(paths.run_folder(run_id)), environment={},
    )  # fmt: skip


def trained(store: Store, *run_ids: str) -> None:
    for run_id in run_ids:
        register(store, run_id)
        store.start(run_id, identity.current())
        store.log(run_id, 1, {"valid.mrr@10": 0.1})
        store.finish(run_id, "completed")
        for name in FILES:
            file = paths.run_folder(run_id) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("of its first life")


def is_whole(store: Store, run_id: str) -> bool:
    """Whether the run is there with all that is its own; False where nothing shows that there ever was such a run."""
    own = paths.run_folder(run_id)
    there = {bool(queries.runs(store, ids=[run_id])), bool(queries.series(store, run_id)), *((own / name).is_file() for name in FILES)}
    assert len(there) == 1, f"half of {run_id} is there"
    return there.pop()


def run(store: Store, run_id: str) -> queries.RunRow:
    return queries.run(store, run_id)


def remove(store: Store, seen: queries.RunRow) -> None:
    """Remove one run; what keeps it is raised."""
    for error in removal.remove(store, [seen]).values():
        raise error


def test_a_run_goes_with_its_folder_and_the_others_stay(store: Store) -> None:
    trained(store, "r1", "r2")
    remove(store, run(store, "r1"))
    assert [is_whole(store, run_id) for run_id in ("r1", "r2")] == [False, True]
    assert sorted(path.name for path in (paths.project() / "runs").iterdir()) == ["r2"]
    assert not store.path.with_name("removing").exists()


def test_one_without_a_folder_goes_too(store: Store) -> None:
    register(store, "r1")
    remove(store, run(store, "r1"))
    assert queries.runs(store) == []
    assert not paths.run_folder("r1").exists()


def test_one_that_is_gone_already_is_no_error(store: Store) -> None:
    trained(store, "r1")
    seen = run(store, "r1")
    remove(store, seen)
    remove(store, seen)
    assert not paths.run_folder("r1").exists()


def test_the_folder_of_the_original_stays_when_a_copy_of_the_project_loses_a_run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(store, "r1")
    original = paths.run_folder("r1")
    monkeypatch.setenv("SRACL_HOME", str(tmp_path / "copy"))
    with Store.open(paths.store_file()) as copy:
        trained(copy, "r1")
        with copy.writing() as session:
            session.connection().exec_driver_sql("UPDATE run SET folder = ?", (str(original),))
        remove(copy, run(copy, "r1"))
        assert queries.runs(copy) == []
    assert not (tmp_path / "copy" / "runs" / "r1").exists()
    assert (original / FILES[0]).is_file()


def test_of_a_link_only_the_link_goes(store: Store, tmp_path: Path) -> None:
    trained(store, "r1")
    elsewhere = paths.run_folder("r1").rename(tmp_path / "large disk")
    paths.run_folder("r1").symlink_to(elsewhere)
    assert folder.size(paths.run_folder("r1")) < 200  # of the link, not of what is there
    remove(store, run(store, "r1"))
    assert not paths.run_folder("r1").is_symlink()
    assert (elsewhere / FILES[0]).is_file()


def test_a_link_to_what_is_not_there_keeps_the_run(store: Store, tmp_path: Path) -> None:
    trained(store, "r1")
    paths.run_folder("r1").rename(tmp_path / "large disk")
    paths.run_folder("r1").symlink_to(tmp_path / "unmounted")
    with pytest.raises(ResourceError, match=r"is a link to .*unmounted, which is not there"):
        remove(store, run(store, "r1"))
    assert queries.runs(store)


@pytest.mark.parametrize(
    ("process", "told"),
    [
        ({}, r"is being trained by process \d+ on this machine: end it with Ctrl-C, or `kill \d+`, first"),
        ({"host": "server"}, r"is being trained by process \d+ on server, which gave a sign of life \d s ago: end it there first"),
        ({"pid_started": -1.0}, ""),  # gone: it is shown as interrupted
    ],
)
def test_a_run_that_a_process_trains_stays_and_says_which(store: Store, process: dict[str, Any], told: str) -> None:
    register(store, "r1")
    store.start("r1", {**identity.current(), **process})
    found = obstacles(store, [run(store, "r1")])
    if not told:
        assert found == {}
        remove(store, run(store, "r1"))
        assert queries.runs(store) == []
        return
    with pytest.raises(ResourceError, match=told):
        remove(store, run(store, "r1"))
    assert found.keys() == {"r1"}
    assert queries.runs(store)


def test_a_run_on_another_machine_that_has_long_been_silent_may_go(store: Store) -> None:
    register(store, "r1")
    store.start("r1", {**identity.current(), "host": "server"})
    with store.writing() as session:
        session.connection().exec_driver_sql("UPDATE run SET heartbeat = '2026-01-01 00:00:00'")
    assert run(store, "r1").state == "stale?"
    assert obstacles(store, [run(store, "r1")]) == {}


def test_a_run_that_waits_as_a_job_stays_until_that_is_cancelled(store: Store, tmp_path: Path) -> None:
    register(store, "r1")
    queue = Queue(store)
    number = queue.add(label="job", command=["true"], folder=tmp_path, log=tmp_path / "log.txt", run_id="r1")
    assert obstacles(store, [run(store, "r1")]) == {"r1": "waits as job 1: `sracl queue cancel 1` first"}
    queue.pause(number)
    assert obstacles(store, [run(store, "r1")]) == {"r1": "is paused as job 1: `sracl queue cancel 1` first"}
    with pytest.raises(ResourceError):
        remove(store, run(store, "r1"))
    queue.cancel(number)
    remove(store, run(store, "r1"))
    assert queries.runs(store) == []


def test_a_run_that_began_and_ended_since_it_was_seen_stays(store: Store) -> None:
    trained(store, "r1")
    store.finish("r1", "interrupted")
    seen = run(store, "r1")
    store.start("r1", identity.current())
    store.finish("r1", "completed")
    with pytest.raises(ResourceError, match="has changed meanwhile"):
        remove(store, seen)
    assert is_whole(store, "r1")


def test_a_folder_that_is_held_keeps_its_run(store: Store) -> None:
    trained(store, "r1")
    with folder.held(paths.run_folder("r1")), pytest.raises(ResourceError, match="another process is training this run"):
        remove(store, run(store, "r1"))
    assert is_whole(store, "r1")


def test_many_go_in_few_transactions_and_what_keeps_one_keeps_no_other(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    number = 2 * removal._AT_ONCE + 1
    ids = [f"r{place}" for place in range(number)]
    trained(store, *ids)
    for run_id in ("r3", "r4"):
        store.finish(run_id, "interrupted")
    seen = queries.runs(store)
    store.start("r3", identity.current())
    store.start("r4", identity.current())
    store.finish("r4", "completed")
    waits: list[Path] = []
    monkeypatch.setattr(removal, "flush", waits.append)
    with folder.held(paths.run_folder("r5")):
        failures = removal.remove(store, seen)
    assert len(waits) == 2 * 3  # two folders a transaction
    assert {run_id: str(error).partition(" ")[0] for run_id, error in failures.items()} == {"r3": "is", "r4": "has", "r5": "another"}
    assert [run_id for run_id in ids if is_whole(store, run_id)] == ["r3", "r4", "r5"]
    assert not store.path.with_name("removing").exists()


def test_removals_and_entries_take_turns(store: Store) -> None:
    trained(store, "r1")
    thread = threading.Thread(target=remove, args=(store, run(store, "r1")))
    with alone(store):
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        assert is_whole(store, "r1")
    thread.join(300)
    assert not is_whole(store, "r1")


PROGRAM = """
import os, signal, sys
from sracl import paths
from sracl.runs import folder, removal
from sracl.tracking import queries, removal as rows
from sracl.tracking.store import Store

def die(*given, **named):
    os.kill(os.getpid(), signal.SIGKILL)

def delete_and_die(*given, take_out=rows.take_out):
    take_out(*given)
    die()

def half(place):
    next(path for path in place.rglob("*") if path.is_file()).unlink()
    die()

moment = sys.argv[1]
if moment == "before the rows go":
    rows.take_out = die
if moment == "before they are committed":
    rows.take_out = delete_and_die
if moment == "after they are committed":
    folder.remove = die
if moment == "after the folder was moved":
    folder.shutil.rmtree = die
if moment == "while files go":
    folder.shutil.rmtree = half
with Store.open(paths.store_file()) as store:
    removal.remove(store, queries.runs(store, ids=["r1", "r2"]))
"""


@pytest.mark.parametrize(
    ("moment", "survives"),
    [
        ("before the rows go", True),
        ("before they are committed", True),
        ("after they are committed", False),
        ("after the folder was moved", False),
        ("while files go", False),
    ],
)
def test_a_kill_leaves_a_whole_run_or_none_in_the_tables_and_the_next_who_enters_cleans_up(
    store: Store, moment: str, survives: bool
) -> None:
    trained(store, "r1", "r2", "r3")
    done = subprocess.run([sys.executable, "-c", PROGRAM, moment], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [found.id for found in queries.runs(store)] == (["r3", "r2", "r1"] if survives else ["r3"])
    assert is_whole(store, "r3")
    with alone(store):
        assert [is_whole(store, run_id) for run_id in ("r1", "r2")] == [survives, survives]
        register(store, "r1")  # its second life begins, or its first goes on
    assert is_whole(store, "r1") if survives else not paths.run_folder("r1").exists()
    assert is_whole(store, "r2") == survives
    assert not list((paths.project() / "runs").glob(".*"))
    assert not store.path.with_name("removing").exists()


def test_what_may_not_be_looked_into_has_no_size_that_is_known() -> None:
    with closed_folder() as theirs:
        assert folder.size(theirs.parent) == 0


def test_a_folder_of_somebody_else_is_told_in_words() -> None:
    with closed_folder() as theirs, pytest.raises(ResourceError, match=r"closed may not be written to"), folder.held(theirs):
        pass
