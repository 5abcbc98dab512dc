"""The rows of the queue as readers get them: frozen, and in a state that is derived rather than believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sracl.errors import UsageError
from sracl.tracking import queries
from sracl.tracking.identity import STALLED_AFTER, owner, presence
from sracl.tracking.rows import among, equals, select, where
from sracl.tracking.values import decoded, now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sracl.tracking.reader import Reader

JobState: TypeAlias = Literal["queued", "running", "stalled", "stale?", "paused", "completed", "failed", "cancelled", "interrupted"]

UNFINISHED: tuple[JobState, ...] = ("queued", "running", "paused")
"""Written states of a job that has not ended."""

ENDED: tuple[JobState, ...] = ("completed", "failed", "cancelled", "interrupted")
"""States of one that has."""

LEASE = timedelta(seconds=30)
"""How long a worker answers for its jobs after it last said so; it says so three times as often."""

_IN_ORDER = "ORDER BY job.priority DESC, job.number"
_DIGITS = 18
"""More of them than a number in SQLite may have."""

CANNOT_BEGIN = "cannot begin here: "
"""Beginning of the reason why a job waits for what this machine does not have."""

RUN_REMOVED = "its run was removed: "
"""Beginning of the reason of a job whose run is no more; the run's id follows."""


@dataclass(frozen=True)
class JobRow:
    """A job as it is now."""

    number: int
    run_id: str | None
    label: str
    command: tuple[str, ...]
    folder: str
    log: str
    environment: Mapping[str, str]
    resources: Mapping[str, Any]
    priority: int
    state: JobState
    """Derived: a job whose process and worker are gone is `interrupted`, whatever was last written."""
    wanted: str
    reason: str
    code: int | None
    attempt: int
    device: str
    host: str | None
    boot_id: str | None
    pid: int | None
    pid_started: float | None
    worker: Mapping[str, Any] | None
    lease: datetime | None
    created: datetime
    started: datetime | None
    finished: datetime | None

    @property
    def is_active(self) -> bool:
        """Whether it waits for a device or has one."""
        return self.state not in (*ENDED, "paused")

    @property
    def needs_worker(self) -> bool:
        """Whether there is something to do for a worker: to start it, to look after it, or to find out how it ended."""
        return self.is_active or (self.state == "interrupted" and self.finished is None)

    @property
    def cannot_begin(self) -> bool:
        """Whether it waits for what this machine does not have, as far as the last worker that looked could tell."""
        return self.state == "queued" and self.reason.startswith(CANNOT_BEGIN)

    @property
    def lost_its_run(self) -> bool:
        """Whether the run it trained was removed, and its log with it."""
        return self.run_id is None and self.reason.startswith(RUN_REMOVED)


@dataclass(frozen=True)
class Waiting:
    """What decides whether a job that waits may begin."""

    number: int
    resources: Mapping[str, Any]
    reason: str
    """Why it waits, as far as the last worker that looked could tell."""


def jobs(store: Reader, *, written: Collection[str] | None = None, numbers: Collection[int] | None = None) -> list[JobRow]:
    """Jobs, in the order in which they begin: by falling priority, then by number.

    Args:
        store: Where to look. One of an earlier version has none.
        written: Only jobs that were last written to be in one of these states, such as `UNFINISHED`.
        numbers: Only these.
    """
    if store.version < 2:
        return []
    conditions = [among("job.state", written), among("job.number", numbers)]
    with store.reading() as view:
        found = list(select(view, JobRow, "job", *conditions, end=_IN_ORDER))
        beats = _heartbeats(view, [row.run_id for row in found if row.state == "running" and row.run_id])
    at = now()
    states = (_shown(row, beats.get(row.run_id or ""), at) for row in found)
    return [row if row.state == state else replace(row, state=state) for row, state in zip(found, states, strict=True)]


def waiting(store: Reader) -> list[Waiting]:
    """Of the jobs that wait what a worker is to know of all of them, in a fraction of the time that `jobs` takes."""
    if store.version < 2:
        return []
    with store.reading() as view:
        return list(select(view, Waiting, "job", equals("job.state", "queued"), end=_IN_ORDER))


def numbered(store: Reader, reference: str) -> JobRow | None:
    """The job of this number; None where there is none, or this is no number."""
    if not reference.isdecimal() or len(reference) > _DIGITS:
        return None
    return next(iter(jobs(store, numbers=[int(reference)])), None)


def last_of(store: Reader, run_id: str) -> JobRow | None:
    """The last job of a run; None where it never was in the queue."""
    return max((row for row in jobs(store) if row.run_id == run_id), key=lambda row: row.number, default=None)


def job(store: Reader, reference: str) -> JobRow:
    """The job of this number, or the last one of the run whose id begins like this, or of the run that `@last` or `@best:METRIC` means.

    Raises:
        UsageError: No job is meant.
    """
    if meant := numbered(store, reference):
        return meant
    if reference.startswith("@"):
        run = queries.run(store, reference)
        if of_run := last_of(store, run.id):
            return of_run
        told = f"Run {run.id}, which {reference} means, has no job: it was not queued."
        raise UsageError(f"{told} `sracl queue ls --all` lists the jobs there are.")
    known = jobs(store)
    theirs = [row for row in known if row.run_id and row.run_id.startswith(reference)]
    if len({row.run_id for row in theirs}) > 1:
        raise UsageError(f"'{reference}' may be any of the runs {', '.join(sorted({str(row.run_id) for row in theirs}))}.")
    if theirs:
        return max(theirs, key=lambda row: row.number)
    numbers = f"The last one is {max(row.number for row in known)}." if known else "There is none yet."
    raise UsageError(f"There is no job '{reference}', and no job of a run that begins so. {numbers} `sracl queue ls --all` lists them.")


def devices_of(store: Reader, run_ids: Collection[str]) -> dict[str, str]:
    """Keys of the devices that jobs have which train these runs now."""
    if store.version < 2 or not run_ids:
        return {}
    clause, values = where(among("job.run_id", run_ids), equals("job.state", "running"))
    with store.reading() as view:
        return dict(view.execute(f"SELECT job.run_id, job.device FROM job {clause}", values).fetchall())


def is_paused(store: Reader) -> bool:
    """Whether the queue lets no waiting job begin."""
    if store.version < 2:
        return False
    with store.reading() as view:
        kept = view.execute("SELECT queuestate.paused FROM queuestate WHERE queuestate.number = 1").fetchone()
    return bool(kept and kept[0])


def is_abandoned(worker: Mapping[str, Any] | None, lease: datetime | None, at: datetime) -> bool:
    """Whether nobody looks after a running job: its worker is gone, or is on another machine and has missed a second lease."""
    where = "gone" if worker is None else presence(worker)
    if where == "elsewhere":
        return lease is None or lease + LEASE < at
    return where == "gone"


def _heartbeats(view: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, datetime]:
    clause, values = where(among("run.id", run_ids))
    rows = view.execute(f"SELECT run.id, run.heartbeat FROM run {clause}", values)
    return {run_id: decoded("heartbeat", beat) for run_id, beat in rows if beat is not None}


def _shown(row: JobRow, heartbeat: datetime | None, at: datetime) -> JobState:
    """The state of a job: what was last written, unless its processes tell otherwise."""
    if row.state != "running":
        return row.state
    child = owner(row)
    seen = presence(known) if (known := child or row.worker) else "gone"
    is_abandoned_now = is_abandoned(row.worker, row.lease, at)
    if seen == "elsewhere" and not is_abandoned_now:
        return "running" if row.lease is not None and row.lease >= at else "stale?"
    if seen == "alive":
        # a heartbeat from before this attempt says nothing of it
        silent = heartbeat is not None and row.started is not None and heartbeat >= row.started and at - heartbeat > STALLED_AFTER
        return "stalled" if child and silent else "running"
    # what has just ended is still running until its worker has looked at how
    return "interrupted" if is_abandoned_now else "running"
