"""How a job is said to have ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sracl.jobs.endings import ending
from sracl.tracking import identity, jobs
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.tui.support import add as register


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / ".sracl" / "store.db") as opened:
        register(opened, "r1", variant="r1")
        queue = Queue(opened)
        queue.add(label="x", command=["true"], folder=tmp_path, log=tmp_path / "log.txt", run_id="r1")
        queue.claim(1, worker=identity.current(), device="cpu")
        yield opened


@pytest.mark.parametrize(("wanted", "code"), [("cancel", 143), ("pause", 143), ("", 137), ("", None)])
def test_a_job_whose_run_is_done_has_completed_whatever_came_after(store: Store, wanted: str, code: int | None) -> None:
    store.start("r1", identity.current())
    store.finish("r1", "completed")
    if wanted:
        getattr(Queue(store), wanted)(1)
    assert ending(store, jobs.job(store, "1"), code) == ("completed", 0, "")


def test_what_goes_wrong_after_the_run_is_still_said(store: Store, tmp_path: Path) -> None:
    store.finish("r1", "completed")
    (tmp_path / "log.txt").write_text("no leaderboard\n")
    assert ending(store, jobs.job(store, "1"), 8) == ("failed", 8, "no leaderboard")


@pytest.mark.parametrize(("code", "state"), [(137, "interrupted"), (130, "interrupted"), (255, "failed"), (200, "failed")])
def test_a_code_is_taken_for_a_signal_only_where_there_is_one(store: Store, code: int, state: str) -> None:
    assert ending(store, jobs.job(store, "1"), code)[:2] == (state, code)


def test_a_job_that_ends_before_its_run_begins_tells_no_reason_of_an_earlier_attempt(store: Store, tmp_path: Path) -> None:
    queue, me = Queue(store), identity.current()
    store.start("r1", me)
    store.finish("r1", "failed", "the loss is nan")
    assert ending(store, jobs.job(store, "1"), 1) == ("failed", 1, "the loss is nan")
    queue.finish(1, "failed", code=1, reason="the loss is nan")
    queue.retry(1)
    queue.claim(1, worker=me, device="cpu")
    (tmp_path / "log.txt").write_text("This run was queued with sracl 0.1, and it is 0.2 now.\n")
    assert ending(store, jobs.job(store, "1"), 4) == ("failed", 4, "This run was queued with sracl 0.1, and it is 0.2 now.")
