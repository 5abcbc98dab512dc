"""The writer of the queue. Every method is one short, durable transaction; what it raises besides is in `Database.writing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select, update

from sracl.errors import UsageError
from sracl.tracking.identity import owner, presence
from sracl.tracking.jobs import LEASE, RUN_REMOVED, UNFINISHED, is_abandoned
from sracl.tracking.tables import Job, QueueState
from sracl.tracking.values import now, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlmodel import Session

    from sracl.tracking.identity import Identity
    from sracl.tracking.jobs import JobState
    from sracl.tracking.store import Store

_RETRIED = ("failed", "cancelled", "interrupted")

_NOBODY: Mapping[str, None] = {"host": None, "boot_id": None, "pid": None, "pid_started": None}


class Queue:
    """Jobs of one store: entered, given to workers, ended."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def add(
        self,
        *,
        label: str,
        command: Sequence[str],
        folder: Path,
        log: Path,
        run_id: str | None = None,
        environment: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> int:
        """Let a command wait for a device; its number.

        Args:
            label: What to call it in lists.
            command: What to start, and its arguments.
            folder: Where to start it.
            log: File that takes what it prints.
            run_id: The run it trains.
            environment: Variables to set for it, none of them secret.
            resources: `device` (`auto`, `cpu`, `cuda`) and `vram` (GiB, or None for a whole GPU).
            priority: The higher begins first.
        """
        with self.store.writing() as session:
            made = Job(
                run_id=run_id,
                label=label,
                command=list(command),
                folder=str(folder),
                log=str(log),
                environment=plain(environment or {}),
                resources={"device": "auto", "vram": None, **(resources or {})},
                priority=priority,
                state="queued",
                created=now(),
            )
            session.add(made)
            session.flush()
            assert made.number is not None
            return made.number

    def claim(self, number: int, *, worker: Identity, device: str) -> bool:
        """Take a waiting job; False where another worker was faster, or it waits no more."""
        with self.store.writing() as session:
            job = self._job(session, number)
            if job.state != "queued" or self._is_paused(session):
                return False
            job.state, job.wanted, job.reason, job.code, job.attempt, job.device = "running", "", "", None, job.attempt + 1, device
            job.worker, job.lease, job.started, job.finished = dict(worker), now() + LEASE, now(), None
            _set(job, _NOBODY)
            return True

    def started(self, number: int, child: Identity) -> None:
        """Keep which process carries the job out."""
        with self.store.writing() as session:
            _set(self._job(session, number), child)

    def adopt(self, number: int, *, worker: Identity, former: Mapping[str, Any] | None) -> bool:
        """Look after a job whose worker is gone; False where another worker already does."""
        with self.store.writing() as session:
            job = self._job(session, number)
            if job.state != "running" or job.worker != (None if former is None else dict(former)):
                return False
            job.worker, job.lease = dict(worker), now() + LEASE
            return True

    def renew(self, numbers: Sequence[int]) -> None:
        """Answer for these jobs for another `LEASE`."""
        with self.store.writing(durable=False) as session:
            for number in numbers:
                self._job(session, number).lease = now() + LEASE

    def finish(self, number: int, state: JobState, *, code: int | None, reason: str = "") -> None:
        """End an attempt of a running job."""
        with self.store.writing() as session:
            job = self._job(session, number)
            job.state, job.code, job.reason, job.wanted, job.finished = state, code, reason, "", now()

    def explain(self, number: int, reason: str) -> None:
        """Say why a job waits."""
        with self.store.writing(durable=False) as session:
            job = self._job(session, number)
            if job.state == "queued" and not self._is_paused(session):
                job.reason = reason

    def cancel(self, number: int, *, at_once: bool = False) -> JobState:
        """End a job: a waiting one here and now, a running one by its worker. The second time its process gets no time to end.

        Args:
            number: The job.
            at_once: As if it were the second time.

        Returns:
            Its state afterwards, as written: `running` until its worker has ended it.
        """
        return self._stop(number, "kill" if at_once else "cancel", "cancelled")

    def pause(self, number: int) -> JobState:
        """Hold a waiting job back, or have a running one stop after a checkpoint; `resume` goes on with it."""
        return self._stop(number, "pause", "paused")

    def checkpoint(self, number: int) -> JobState:
        """Have a running job write a checkpoint and go on; a run does so after its present step.

        Raises:
            UsageError: It is not running, or is about to end.
        """
        with self.store.writing() as session:
            job = self._job(session, number)
            if job.state != "running" or job.wanted not in ("", "checkpoint"):
                about = f"{job.state}, to {job.wanted}" if job.wanted else job.state
                raise UsageError(f"Job {number} is {about}; only one that runs can write a checkpoint.")
            job.wanted = "checkpoint"
            return "running"

    def heard(self, number: int) -> None:
        """The process of a job was told to write a checkpoint."""
        with self.store.writing(durable=False) as session:
            job = self._job(session, number)
            if job.wanted == "checkpoint":
                job.wanted = ""

    def resume(self, number: int) -> JobState:
        """Let a paused job wait for a device again.

        Raises:
            UsageError: It is being paused, or has ended.
        """
        with self.store.writing() as session:
            job = self._job(session, number)
            if job.state == "running" and job.wanted == "pause":
                raise UsageError(f"Job {number} is being paused just now; start it again in a moment.")
            if job.state in _RETRIED:
                raise UsageError(f"Job {number} is {job.state}; `sracl queue retry` lets it wait again.")
            if job.state == "paused":
                job.state, job.reason, job.device = "queued", "", ""
            return job.state  # type: ignore[return-value]

    def retry(self, number: int) -> JobState:
        """Let a job that ended wait again; a run goes on after its last checkpoint.

        Raises:
            UsageError: It has not ended, there is nothing left to do, another job is there to do it, or its run was removed.
        """
        with self.store.writing() as session:
            job = self._job(session, number)
            state = _state(job)
            if job.run_id is None and job.reason.startswith(RUN_REMOVED):
                raise UsageError(f"Job {number} cannot be retried, {job.reason}. `sracl run RECIPE --detach` queues it anew.")
            if state not in _RETRIED:
                raise UsageError(f"Job {number} is {state}; only one that was {', '.join(_RETRIED[:-1])} or {_RETRIED[-1]} can be retried.")
            if (other := self._other(session, job)) is not None:
                raise UsageError(f"Job {other} is there for the run of job {number}, and has not ended.")
            job.state, job.reason, job.code, job.wanted, job.finished, job.device = "queued", "", None, "", None, ""
            return "queued"

    def move(self, number: int, priority: int) -> None:
        """Give a job another priority; among equal ones the lower number begins first."""
        with self.store.writing() as session:
            self._job(session, number).priority = priority

    def shift(self, number: int, by: int) -> int:
        """Give a job a priority so much higher than it has by now; return it."""
        with self.store.writing() as session:
            job = self._job(session, number)
            job.priority += by
            return job.priority

    def hold(self, paused: bool) -> None:
        """Let no waiting job begin, or let them begin again. Running ones go on."""
        with self.store.writing() as session:
            session.merge(QueueState(paused=paused))
            if paused:  # what kept jobs from beginning may be over long before they may begin
                session.exec(update(Job).where(col(Job.state) == "queued").values(reason=""))

    def _stop(self, number: int, wish: str, ended: JobState) -> JobState:
        with self.store.writing() as session:
            job = self._job(session, number)
            state = _state(job)
            if state in ("queued", "paused"):
                if state == "queued":
                    job.reason = ""  # it waits for no device any more
                job.state, job.wanted = ended, ""
                if ended == "cancelled":
                    again = " again" if job.attempt else ""
                    job.code, job.reason, job.finished = 143, f"cancelled before it began{again}", now()
            elif state == "running":
                if wish == "pause" and job.wanted in ("cancel", "kill"):
                    raise UsageError(f"Job {number} is being cancelled.")
                job.wanted = "kill" if wish == "cancel" and job.wanted in ("cancel", "kill") else wish
            elif ended != state:
                raise UsageError(f"Job {number} has ended: it is {state}.")
            return job.state  # type: ignore[return-value]

    def _job(self, session: Session, number: int) -> Job:
        found = session.exec(select(Job).where(col(Job.number) == number)).first()
        if found is None:
            raise UsageError(f"There is no job {number} in {self.store.path}.")
        return found

    def _other(self, session: Session, job: Job) -> int | None:
        """Another job for the same run that has not ended."""
        if job.run_id is None:
            return None
        others = session.exec(select(Job).where(col(Job.run_id) == job.run_id, col(Job.number) != job.number)).all()
        return next((other.number for other in others if _state(other) in UNFINISHED), None)

    def _is_paused(self, session: Session) -> bool:
        return bool(session.exec(select(QueueState.paused)).first())


def _set(job: Job, process: Mapping[str, Any]) -> None:
    for part in _NOBODY:
        setattr(job, part, process[part])


def _state(job: Job) -> str:
    """Its state; `interrupted` if nobody will ever say how it ended, since neither its process nor its worker lives."""
    child = owner(job)
    is_gone = is_abandoned(job.worker, job.lease, now()) and (child is None or presence(child) != "alive")
    return "interrupted" if job.state == "running" and is_gone else job.state
