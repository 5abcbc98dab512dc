"""Jobs: entered once, taken once, ended once; and what is shown of them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlmodel import select

from sracl.errors import UsageError
from sracl.tracking import identity, jobs
from sracl.tracking.jobs import LEASE
from sracl.tracking.queue import Queue
from sracl.tracking.tables import Job, Run
from sracl.tracking.values import now

if TYPE_CHECKING:
    from pathlib import Path

    from sracl.tracking.jobs import JobRow
    from sracl.tracking.store import Store

ME = identity.current()
GONE: identity.Identity = {**ME, "pid_started": -1.0}
FAR: identity.Identity = {**ME, "host": "elsewhere"}


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


def add(queue: Queue, label: str = "job", **changed: Any) -> int:
    folder: Path = queue.store.path.parent
    return queue.add(label=label, command=["true"], folder=folder, log=folder / "log.txt", **changed)


def the_only(queue: Queue) -> JobRow:
    (found,) = jobs.jobs(queue.store)
    return found


def test_a_job_comes_back_as_it_was_entered(queue: Queue) -> None:
    number = queue.add(
        label="x",
        command=["echo", "hé"],
        folder=queue.store.path.parent,
        log=queue.store.path,
        environment={"A": "b"},
        resources={"vram": 6.0},
    )
    job = jobs.job(queue.store, str(number))
    assert (job.command, job.environment, job.resources) == (("echo", "hé"), {"A": "b"}, {"device": "auto", "vram": 6.0})
    assert (job.state, job.attempt, job.is_active) == ("queued", 0, True)


def test_jobs_stand_in_the_order_in_which_they_begin(queue: Queue) -> None:
    for label in ("first", "second", "third"):
        add(queue, label)
    queue.move(3, 1)
    assert [job.label for job in jobs.jobs(queue.store)] == ["third", "first", "second"]


def test_those_that_wait_are_told_in_the_same_order(queue: Queue) -> None:
    for label in ("first", "second", "third"):
        add(queue, label, resources={"vram": 2.0})
    queue.move(3, 1)
    queue.pause(1)
    queue.explain(2, "needs more")
    assert jobs.waiting(queue.store) == [
        jobs.Waiting(3, {"device": "auto", "vram": 2.0}, ""),
        jobs.Waiting(2, {"device": "auto", "vram": 2.0}, "needs more"),
    ]


def test_a_job_is_taken_once(queue: Queue) -> None:
    number = add(queue)
    assert queue.claim(number, worker=ME, device="cpu")
    assert not queue.claim(number, worker=FAR, device="cpu")
    assert (the_only(queue).attempt, the_only(queue).device) == (1, "cpu")


def test_a_queue_on_hold_gives_no_job_away(queue: Queue) -> None:
    number = add(queue)
    queue.explain(number, "needs 1 slot, 0 slots free")
    queue.hold(True)
    assert jobs.is_paused(queue.store)
    assert not queue.claim(number, worker=ME, device="cpu")
    queue.explain(number, "needs 1 slot, 0 slots free")  # by a worker that looked before
    assert the_only(queue).reason == ""  # the hold alone keeps it from beginning
    queue.hold(False)
    assert queue.claim(number, worker=ME, device="cpu")


class TestStopping:
    def test_a_waiting_job_is_cancelled_here_and_now(self, queue: Queue) -> None:
        assert queue.cancel(add(queue)) == "cancelled"
        assert (the_only(queue).code, the_only(queue).reason) == (143, "cancelled before it began")

    def test_a_running_one_is_left_to_its_worker_and_the_second_time_it_gets_no_time(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=ME, device="cpu")
        assert (queue.cancel(number), the_only(queue).wanted) == ("running", "cancel")
        assert (queue.cancel(number), the_only(queue).wanted) == ("running", "kill")

    def test_one_that_ended_is_not_stopped_again(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=ME, device="cpu")
        queue.finish(number, "completed", code=0)
        with pytest.raises(UsageError, match="has ended: it is completed"):
            queue.cancel(number)

    def test_one_that_nobody_looks_after_any_more_has_ended(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=GONE, device="cpu")
        queue.started(number, GONE)
        with pytest.raises(UsageError, match="has ended: it is interrupted"):
            queue.cancel(number)
        assert (the_only(queue).state, the_only(queue).wanted) == ("interrupted", "")

    def test_what_is_to_be_cancelled_is_not_paused_instead(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=ME, device="cpu")
        queue.cancel(number)
        with pytest.raises(UsageError, match="is being cancelled"):
            queue.pause(number)
        assert the_only(queue).wanted == "cancel"

    def test_only_what_is_paused_is_started_again(self, queue: Queue) -> None:
        number = add(queue)
        assert queue.resume(number) == "queued"
        queue.claim(number, worker=ME, device="cpu")
        queue.finish(number, "failed", code=1, reason="no")
        with pytest.raises(UsageError, match="is failed; `sracl queue retry` lets it wait again"):
            queue.resume(number)

    def test_one_that_had_begun_before_is_not_said_never_to_have(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=ME, device="cpu")
        queue.finish(number, "failed", code=1, reason="no")
        queue.retry(number)
        queue.cancel(number)
        assert the_only(queue).reason == "cancelled before it began again"

    def test_paused_and_resumed(self, queue: Queue) -> None:
        number = add(queue)
        queue.explain(number, "needs 1 slot, 0 slots free")
        assert queue.pause(number) == "paused"
        assert the_only(queue).reason == ""  # nor would it begin if there were one
        assert not queue.claim(number, worker=ME, device="cpu")
        assert queue.resume(number) == "queued"
        assert queue.claim(number, worker=ME, device="cpu")


def test_a_checkpoint_is_wished_for_while_a_job_runs_and_does_not_end(queue: Queue) -> None:
    number = add(queue)
    with pytest.raises(UsageError, match="is queued; only one that runs"):
        queue.checkpoint(number)
    queue.claim(number, worker=ME, device="cpu")
    queue.checkpoint(number)
    assert the_only(queue).wanted == "checkpoint"
    queue.heard(number)
    assert the_only(queue).wanted == ""
    queue.cancel(number)
    queue.heard(number)
    with pytest.raises(UsageError, match="running, to cancel"):
        queue.checkpoint(number)
    assert the_only(queue).wanted == "cancel"


class TestRetry:
    def test_only_what_ended_is_retried(self, queue: Queue) -> None:
        number = add(queue)
        with pytest.raises(UsageError, match="is queued; only one that was failed, cancelled or interrupted"):
            queue.retry(number)
        queue.claim(number, worker=ME, device="cpu")
        with pytest.raises(UsageError, match="is running"):
            queue.retry(number)
        queue.finish(number, "failed", code=1, reason="no")
        assert queue.retry(number) == "queued"
        assert (the_only(queue).code, the_only(queue).reason, the_only(queue).device) == (None, "", "")
        assert queue.claim(number, worker=ME, device="cpu")
        assert the_only(queue).attempt == 2
        queue.finish(number, "completed", code=0)
        with pytest.raises(UsageError, match="is completed"):
            queue.retry(number)

    def test_not_while_another_job_trains_the_same_run(self, queue: Queue, register: Any) -> None:
        register(queue.store, "r1")
        first = add(queue, run_id="r1")
        queue.claim(first, worker=ME, device="cpu")
        queue.finish(first, "failed", code=1)
        second = add(queue, run_id="r1")
        with pytest.raises(UsageError, match=f"Job {second} is there for the run of job {first}"):
            queue.retry(first)
        queue.cancel(second)
        assert queue.retry(first) == "queued"

    def test_one_that_nobody_looks_after_any_more_is_retried_at_once(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=GONE, device="cpu")
        queue.started(number, GONE)
        assert queue.retry(number) == "queued"


class TestShownState:
    @pytest.mark.parametrize(
        ("worker", "child", "shown"),
        [
            (ME, None, "running"),
            (ME, ME, "running"),
            (ME, GONE, "running"),
            (GONE, ME, "running"),
            (GONE, GONE, "interrupted"),
            (GONE, None, "interrupted"),
            (FAR, FAR, "running"),
        ],
    )
    def test_is_derived_from_the_processes(
        self, queue: Queue, worker: identity.Identity, child: identity.Identity | None, shown: str
    ) -> None:
        number = add(queue)
        queue.claim(number, worker=worker, device="cpu")
        if child:
            queue.started(number, child)
        assert the_only(queue).state == shown

    def test_elsewhere_a_lease_that_ran_out_leaves_doubt(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=FAR, device="cpu")
        with queue.store.writing() as session:
            session.exec(select(Job)).one().lease = now() - timedelta(seconds=1)
        assert the_only(queue).state == "stale?"
        queue.renew([number])
        assert the_only(queue).state == "running"
        assert the_only(queue).lease > now() + LEASE / 2  # type: ignore[operator]

    def test_elsewhere_a_second_lease_that_ran_out_leaves_none(self, queue: Queue) -> None:
        number = add(queue)
        queue.claim(number, worker=FAR, device="cpu")
        queue.started(number, FAR)
        with pytest.raises(UsageError, match="is running"):
            queue.retry(number)
        with queue.store.writing() as session:
            session.exec(select(Job)).one().lease = now() - LEASE - timedelta(seconds=1)
        assert the_only(queue).state == "interrupted"
        with pytest.raises(UsageError, match="has ended: it is interrupted"):
            queue.cancel(number)
        assert queue.retry(number) == "queued"

    def test_a_process_that_lives_and_is_silent_is_stalled(self, queue: Queue, register: Any) -> None:
        register(queue.store)
        number = add(queue, run_id="r1")
        queue.claim(number, worker=ME, device="cpu")
        queue.started(number, ME)
        queue.store.start("r1", ME)
        assert the_only(queue).state == "running"
        with queue.store.writing() as session:
            past = now() - timedelta(seconds=60)
            session.exec(select(Run)).one().heartbeat = past
            session.exec(select(Job)).one().started = past
        assert the_only(queue).state == "stalled"


def test_another_worker_adopts_once(queue: Queue) -> None:
    number = add(queue)
    queue.claim(number, worker=GONE, device="cpu")
    assert queue.adopt(number, worker=ME, former=GONE)
    assert not queue.adopt(number, worker=FAR, former=GONE)
    assert the_only(queue).worker == ME


class TestReferences:
    def test_by_number_and_by_run(self, queue: Queue, register: Any) -> None:
        register(queue.store, "abc123")
        add(queue)
        for _ in range(2):
            add(queue, run_id="abc123")
        assert jobs.job(queue.store, "1").number == 1
        assert jobs.job(queue.store, "abc").number == 3
        assert jobs.job(queue.store, "abc").run_id == "abc123"
        with pytest.raises(UsageError, match="no job '99999999999999999999'"):
            jobs.job(queue.store, "9" * 20)

    def test_what_is_not_there_is_said(self, queue: Queue) -> None:
        with pytest.raises(UsageError, match="There is none yet"):
            jobs.job(queue.store, "7")
        add(queue)
        with pytest.raises(UsageError, match="no job '7'.*The last one is 1"):
            jobs.job(queue.store, "7")
        with pytest.raises(UsageError, match="There is no job 9"):
            queue.cancel(9)
