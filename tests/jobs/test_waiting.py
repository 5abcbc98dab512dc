"""Waiting for jobs ends when they have, and when it would have no end."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl.errors import ResourceError
from sracl.jobs import waiting, workers
from sracl.jobs.waiting import wait
from sracl.tracking import identity
from sracl.tracking.jobs import JobRow
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.support.jobs import add, rows, store_file, surroundings
from tests.tui.support import add as register

GONE: identity.Identity = {**identity.current(), "pid_started": -1.0}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.0)
    with Store.open(store_file(tmp_path)) as opened:
        yield opened


def test_workers_that_end_as_soon_as_they_begin_are_not_started_for_ever(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, "")
    monkeypatch.setattr(workers, "command", lambda *arguments: [sys.executable, "-c", "raise SystemExit('no worker today')"])
    with pytest.raises(ResourceError, match="Workers end as soon as they begin.*worker.log says why"):
        wait(store, [1], lambda row: None)
    assert rows(tmp_path)[1].state == "queued"
    assert "no worker today" in (tmp_path / ".sracl" / "worker.log").read_text()


def test_a_job_for_a_device_that_is_not_there_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    queue, told = Queue(store), list[JobRow]()
    add(tmp_path, "")
    queue.add(label="large", command=["true"], folder=tmp_path, log=tmp_path / "log.txt", resources={"device": "cuda"})
    with pytest.raises(ResourceError, match="^Job 2, large, cannot begin here: needs a GPU, and there is none.$"):
        wait(store, [1, 2], told.append)
    assert [(row.number, row.state) for row in told] == [(1, "completed")]
    until = time.monotonic() + 300
    while workers.is_alive():  # though the job still waits
        assert time.monotonic() < until
        time.sleep(0.02)


def test_no_worker_is_started_for_what_the_last_one_found_that_it_cannot_begin(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Queue(store).add(label="large", command=["true"], folder=tmp_path, log=tmp_path / "log.txt", resources={"device": "cuda"})
    looks = [0]

    def lives() -> bool:  # as one does that leaves just after it was looked for, every time
        looks[0] += 1
        return looks[0] < 8 or workers.is_alive()

    monkeypatch.setattr(waiting, "is_alive", lives)
    with pytest.raises(ResourceError, match="^Job 1, large, cannot begin here: needs a GPU, and there is none.$"):
        wait(store, [1], lambda row: None)


def test_a_job_that_may_begin_after_all_is_waited_for(store: Store, tmp_path: Path) -> None:
    (number,) = add(tmp_path, "")
    Queue(store).explain(number, "cannot begin here: needs a GPU, and there is none")  # which was so when a worker last looked
    assert wait(store, [number], lambda row: None) == 0


@pytest.mark.parametrize(("state", "ended", "code"), [("completed", "completed", 0), ("running", "interrupted", 1)])
def test_how_a_job_ended_that_nobody_saw_end_is_found_out_first(store: Store, tmp_path: Path, state: str, ended: str, code: int) -> None:
    register(store, "r1", variant="r1")
    queue, told = Queue(store), list[Any]()
    number = queue.add(label="x", command=["true"], folder=tmp_path, log=tmp_path / "log.txt", run_id="r1")
    queue.claim(number, worker=GONE, device="cpu")
    queue.started(number, GONE)
    store.start("r1", GONE)
    if state == "completed":
        store.finish("r1", "completed")
    assert rows(tmp_path)[number].state == "interrupted"
    assert wait(store, [number], told.append) == code
    assert [(row.state, row.finished is not None) for row in told] == [(ended, True)]
