"""A worker whose store, disk or jobs give it trouble goes on, and leaves no job behind."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import BudgetError
from sracl.jobs.claims import Claims
from sracl.jobs.worker import Worker
from sracl.tracking import file, identity, queries
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.support.jobs import add, rows, store_file, surroundings, worker
from tests.tui.support import add as register


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with Store.open(store_file(tmp_path)) as opened:
        yield opened


def work(store: Store, said: list[str] | None = None) -> None:
    """Until nothing is left to do."""
    Worker(store, Claims(store.path.parent / "claims"), slots=1, report=(said if said is not None else []).append).work(idle_exit=0)


def fails_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The queue cannot write something the first time."""
    kept = getattr(Queue, name)

    def failing(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(Queue, name, kept)
        raise BudgetError("no space left")

    monkeypatch.setattr(Queue, name, failing)


def test_a_store_that_others_keep_locked_is_waited_for(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "_BUSY_SECONDS", 0.05)
    add(tmp_path, "", count=2)
    with closing(sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        said: list[str] = []

        def let_go() -> None:
            while not said:
                time.sleep(0.01)
            time.sleep(0.6)  # some turns in vain
            other.rollback()

        release = threading.Thread(target=let_go)
        release.start()
        work(store, said)
        release.join()
    assert [row.state for row in rows(tmp_path).values()] == ["completed", "completed"]
    assert sum("kept locked" in line for line in said) == 1  # said once, not with every turn


@pytest.mark.parametrize("step", ["claim", "started", "finish", "explain", "renew"])
def test_what_cannot_be_written_now_is_written_later(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    script = "import os, time\nopen('done.txt', 'a').write('x')\nwhile not os.path.exists('go'): time.sleep(0.02)"
    add(tmp_path, script, count=2)
    fails_once(monkeypatch, step)
    said: list[str] = []

    def report(line: str) -> None:
        said.append(line)
        if line == "no space left":  # else the first may have ended before there was anything to explain or to renew
            (tmp_path / "go").touch()

    if step == "finish":
        (tmp_path / "go").touch()
    Worker(store, Claims(tmp_path / "claims"), slots=1, report=report).work(idle_exit=0)
    assert "no space left" in said
    assert {(row.state, row.code, row.attempt) for row in rows(tmp_path).values()} == {("completed", 0, 1)}
    assert (tmp_path / "done.txt").read_text() == "xx"


def test_a_job_whose_worker_is_killed_while_it_starts_it_does_nothing_that_nobody_knows_of(tmp_path: Path) -> None:
    (number,) = add(tmp_path, "open('done.txt', 'a').write('x')")
    dies = (
        "import os; from sracl.cli.app import main; from sracl.tracking.queue import Queue; "
        "Queue.started = lambda *_: os.kill(os.getpid(), 9); main(['worker', '--idle-exit', '0'])"
    )
    killed = subprocess.run([sys.executable, "-c", dies], env=surroundings(tmp_path), check=False, timeout=300)
    assert killed.returncode == -9
    time.sleep(0.5)  # it would have been done by now
    assert not (tmp_path / "done.txt").exists()
    assert worker(tmp_path).wait(timeout=300) == 0
    assert (rows(tmp_path)[number].state, rows(tmp_path)[number].attempt) == ("interrupted", 1)
    with Store.open(store_file(tmp_path)) as opened:
        Queue(opened).retry(number)
    assert worker(tmp_path).wait(timeout=300) == 0
    assert rows(tmp_path)[number].state == "completed"
    assert (tmp_path / "done.txt").read_text() == "x"


def test_what_it_cannot_say_does_not_keep_it_from_its_work(store: Store, tmp_path: Path) -> None:
    add(tmp_path, "", count=2)
    command = [sys.executable, "-m", "sracl", "worker", "--idle-exit", "0"]
    with Path("/dev/full").open("w") as full:
        subprocess.run(command, env=surroundings(tmp_path), stderr=full, check=False, timeout=300)
    assert {row.state for row in rows(tmp_path).values()} == {"completed"}


@pytest.mark.parametrize("command", [[], ["a\0b"], [""], ["sh", "a\0b"]])
def test_a_command_that_no_system_can_start_fails_alone(store: Store, tmp_path: Path, command: list[str]) -> None:
    Queue(store).add(label="odd", command=command, folder=tmp_path, log=tmp_path / "odd.txt")
    add(tmp_path, "")
    work(store)
    odd, good = rows(tmp_path).values()
    assert (odd.state, odd.code, good.state) == ("failed", 1, "completed")
    assert odd.reason.startswith("cannot be started: ")


def test_a_log_that_cannot_be_opened_fails_its_job_alone(store: Store, tmp_path: Path) -> None:
    Queue(store).add(label="odd", command=["true"], folder=tmp_path, log=tmp_path)
    add(tmp_path, "")
    work(store)
    odd, good = rows(tmp_path).values()
    assert (odd.state, good.state) == ("failed", "completed")
    assert "Is a directory" in odd.reason


def test_a_job_that_was_taken_out_of_the_store_is_looked_after_no_more(store: Store, tmp_path: Path) -> None:
    add(tmp_path, "import time; time.sleep(0.5)", label="gone")
    add(tmp_path, "")

    def forget() -> None:
        while not rows(tmp_path)[1].pid:
            time.sleep(0.01)
        with closing(sqlite3.connect(store.path, timeout=300)) as other, other:
            other.execute("DELETE FROM job WHERE number = 1")

    somebody = threading.Thread(target=forget)
    somebody.start()
    work(store)
    somebody.join()
    assert [(row.number, row.state) for row in rows(tmp_path).values()] == [(2, "completed")]


def test_jobs_that_wait_in_vain_do_not_hold_up_those_behind_them(store: Store, tmp_path: Path) -> None:
    queue = Queue(store)
    for number in range(120):
        queue.add(label=f"{number}", command=["true"], folder=tmp_path, log=tmp_path / "log.txt", resources={"device": "cuda"})
    (last,) = add(tmp_path, "")
    worker = Worker(store, Claims(tmp_path / "claims"), slots=1, report=lambda line: None)
    until = time.monotonic() + 300
    while rows(tmp_path)[last].state != "completed":
        assert time.monotonic() < until
        worker._turn()
        time.sleep(0.05)
    assert {row.reason for row in rows(tmp_path).values()} <= {"", "cannot begin here: needs a GPU, and there is none"}


def test_a_run_that_another_process_has_is_not_said_to_be_cancelled(store: Store, tmp_path: Path) -> None:
    register(store, "r1", variant="r1")
    store.start("r1", identity.current())  # somebody trains it in a terminal
    command = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
    number = Queue(store).add(label="x", command=command, folder=tmp_path, log=tmp_path / "log.txt", run_id="r1")
    worker = Worker(store, Claims(tmp_path / "claims"), slots=1, report=lambda line: None)
    worker._turn()
    Queue(store).cancel(number)
    until = time.monotonic() + 300
    while rows(tmp_path)[number].state != "cancelled":
        assert time.monotonic() < until
        worker._turn()
        time.sleep(0.02)

    assert queries.run(store, "r1").state == "running"
