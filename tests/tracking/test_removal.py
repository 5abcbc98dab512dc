"""A run that is taken out takes along what is its own, and nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import UsageError
from sracl.tracking import identity, jobs, queries
from sracl.tracking.queue import Queue
from sracl.tracking.removal import take_out
from sracl.tracking.store import Store


def trained(store: Store, register: Any, run_id: str) -> None:
    """A run with rows in every table that can hold some of it."""
    store.recipe("ablation", {"baseline": "full"}, "ablation.toml")
    register(store, run_id)
    register(store, run_id, recipe="another")
    store.start(run_id, identity.current())
    store.log(run_id, 1, {"loss": 2.0, "valid.mrr@10": 0.1})
    store.metrics(run_id, split="test", protocol={"seen_items": "keep"}, group="all", values={"hr@10": 0.25}, count=3)
    store.artifact(run_id, name="ranks", path="ranks.npz", digest="", size=1, facts={})
    store.finish(run_id, "completed")


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(path)) as view:
        names = [name for (name,) in view.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: view.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in names}


def dangling(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as view:
        return view.execute("PRAGMA foreign_key_check").fetchall()


def add_job(store: Store, folder: Path, run_id: str | None) -> int:
    return Queue(store).add(label="job", command=["true"], folder=folder, log=folder / "log.txt", run_id=run_id)


def test_what_is_left_is_what_would_be_there_without_it(store: Store, register: Any, tmp_path: Path) -> None:
    trained(store, register, "r1")
    before = everything(store.path)
    trained(store, register, "r2")
    trained(store, register, "r3")
    assert everything(store.path) != before
    with store.writing() as session:
        take_out(session, ["r2", "r3"])
    assert everything(store.path) == before
    assert dangling(store.path) == []
    assert [run.id for run in queries.runs(store)] == ["r1"]


def test_an_error_in_the_same_transaction_keeps_all_of_it(store: Store, register: Any) -> None:
    trained(store, register, "r1")
    before = everything(store.path)
    with pytest.raises(RuntimeError), store.writing() as session:
        take_out(session, ["r1"])
        raise RuntimeError
    assert everything(store.path) == before


def test_its_jobs_stay_say_so_and_are_not_retried(store: Store, register: Any, tmp_path: Path) -> None:
    register(store, "r1")
    done, dead, other = add_job(store, tmp_path, "r1"), add_job(store, tmp_path, "r1"), add_job(store, tmp_path, None)
    queue, gone = Queue(store), identity.current()
    gone["pid_started"] = -1.0
    for number in (done, dead):
        assert queue.claim(number, worker=gone, device="cpu")
        queue.started(number, gone)
    queue.finish(done, "failed", code=1, reason="the loss is nan")
    with store.writing() as session:
        take_out(session, ["r1"])
    rows = {row.number: row for row in jobs.jobs(store)}
    assert {(row.number, row.run_id, row.state, row.lost_its_run) for row in rows.values()} == {
        (done, None, "failed", True),
        (dead, None, "interrupted", True),
        (other, None, "queued", False),
    }
    assert rows[done].reason == "its run was removed: r1 (the loss is nan)"
    assert not rows[dead].needs_worker  # else one would be started to find out how it ended
    with pytest.raises(UsageError, match=r"Job 1 cannot be retried, its run was removed: r1 .*`sracl run RECIPE --detach` queues it anew"):
        queue.retry(done)
    assert dangling(store.path) == []
