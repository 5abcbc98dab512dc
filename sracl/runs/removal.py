"""Runs out of a project: their rows and their folders, all of a run or nothing that is seen of it.

    .sracl/enqueue.lock     held by whoever enters runs, queues them, imports or removes some: one at a time
    .sracl/removing/RUN     a run whose rows are about to go, or have gone, and whose folder may be there still

The rows go first, in one transaction, and the folder afterwards. In between the run is in no table, and its files only take
space. The other way round, whoever is killed in between would leave a run in the tables without its weights and ranks.
But a folder without rows must not be there when the same run is trained anew: training would go on from the checkpoints in it.
So a note is on the disk before the rows go, and everybody who lets runs into the store removes such folders first.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sracl import paths
from sracl.errors import ResourceError
from sracl.runs import folder
from sracl.tracking import jobs, queries
from sracl.tracking.identity import STALE_AFTER, presence
from sracl.tracking.identity import owner as owner_of
from sracl.tracking.values import now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sracl.tracking.jobs import JobRow
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader
    from sracl.tracking.store import Store


@contextmanager
def alone(store: Reader) -> Iterator[None]:
    """Let nobody else enter, queue, import or remove runs meanwhile; removals that were killed are completed first.

    Raises:
        ResourceError: What is left of a removed run is in the way, and cannot be removed.
    """
    with store.path.with_name("enqueue.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _complete(store)
        yield


def obstacles(store: Reader, runs: Sequence[RunRow]) -> dict[str, str]:
    """What keeps runs from being removed now, and what to do about it: id -> the end of a sentence. Others may be removed."""
    at_work = {job.run_id: job for job in jobs.jobs(store, written=jobs.UNFINISHED) if job.state != "interrupted"}
    found = {run.id: _job_in_the_way(at_work[run.id]) if run.id in at_work else _process_in_the_way(run) for run in runs}
    return {run_id: reason for run_id, reason in found.items() if reason}


def remove(store: Store, run: RunRow) -> None:
    """Remove a run: its rows, and its folder in this project with weights, checkpoints, ranks, plan and log.

    The folder is the one that training would use here, wherever the run says that it was: in a copy of a project, the rows name
    the folders of the original.

    Args:
        store: Has it.
        run: As the user has seen it.

    Raises:
        ResourceError: It is being trained or waits to be, has changed since it was seen, or its files cannot be removed.
            Where that shows only when its rows are gone, whatever enters runs tries again. The message is the end of a sentence.
    """
    from sracl.tracking.removal import take_out

    place = paths.run_folder(run.id)
    with alone(store):
        if not queries.runs(store, ids=[run.id]):
            return  # gone already, and only who is alone removes any
        _demand_permission(place)
        place.mkdir(parents=True, exist_ok=True)  # of imported runs there may be none, and a training that begins holds the folder
        with folder.held(place):
            with store.writing() as session:
                known = queries.run(store, run.id)  # nobody else can write now
                if reasons := obstacles(store, [known]):
                    raise ResourceError(reasons[run.id])
                if (known.state, known.attempt, known.finished) != (run.state, run.attempt, run.finished):
                    raise ResourceError(f"has changed meanwhile, it is {known.state}; give the same command again")
                _note(store, run.id)
                take_out(session, run.id)
            _complete(store)
    if (_notes(store) / run.id).exists():
        raise ResourceError(f"was removed, and of its files some cannot be: {folder.aside(place)} is left")


def _job_in_the_way(job: JobRow) -> str:
    cancel = f"`sracl queue cancel {job.number}`"
    if job.state in ("queued", "paused"):
        return f"{'waits' if job.state == 'queued' else 'is paused'} as job {job.number}: {cancel} first"
    process = f", process {job.pid} on {job.host}" if job.pid else ""
    return f"is being trained as job {job.number}{process}: {cancel} first"


def _process_in_the_way(run: RunRow) -> str:
    if run.state not in ("running", "stalled", "stale?"):
        return ""
    process = owner_of(run)
    silent = now() - run.heartbeat if run.heartbeat else None
    if process is not None and presence(process) == "elsewhere":
        if silent is None or silent > 2 * STALE_AFTER:  # by then another process may train it, too
            return ""
        seconds = int(silent.total_seconds())
        return f"is being trained by process {run.pid} on {run.host}, which gave a sign of life {seconds} s ago: end it there first"
    is_stopped = " (silent: it is stopped, or stuck)" if run.state == "stalled" else ""
    return f"is being trained by process {run.pid} on this machine{is_stopped}: end it with Ctrl-C, or `kill {run.pid}`, first"


def _demand_permission(place: Path) -> None:
    """A run whose folder cannot go keeps its rows.

    Raises:
        ResourceError: The folder is in one that may not be written to, or is a link to nowhere.
    """
    there = next(parent for parent in place.parents if parent.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ResourceError(f"cannot be removed: {there} may not be written to")
    if place.is_symlink() and not place.exists():
        raise ResourceError(f"cannot be removed: {place} is a link to {os.readlink(place)}, which is not there")


def _note(store: Reader, run_id: str) -> None:
    """Leave word, on the disk before the rows go, that a run's folder is to go as well."""
    notes = _notes(store)
    notes.mkdir(exist_ok=True)
    (notes / run_id).touch()
    for path in (notes, notes.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _complete(store: Reader) -> None:
    """Remove the folders of runs whose rows have gone, and the notes of those whose rows have stayed."""
    notes = _notes(store)
    if not notes.is_dir():
        return
    for note in sorted(notes.iterdir()):
        place = paths.run_folder(note.name)
        if not queries.runs(store, ids=[note.name]):
            try:
                folder.remove(place)
            except OSError as error:
                if place.exists():
                    raise ResourceError(
                        f"run '{note.name}' was removed, and its folder {place} cannot be ({error.strerror}). Remove it and give the "
                        "same command again."
                    ) from error
                continue  # in nobody's way; the next one tries again
        note.unlink()
    with suppress(OSError):  # not empty: the next one's
        notes.rmdir()


def _notes(store: Reader) -> Path:
    return store.path.with_name("removing")
