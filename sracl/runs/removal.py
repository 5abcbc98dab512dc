"""Runs out of a project: their rows and their folders, all of a run or nothing that is seen of it.

    .sracl/enqueue.lock     held by whoever enters runs, queues them, imports or removes some: one at a time
    .sracl/removing/RUN     a run whose rows are about to go, or have gone, and whose folder may be there still

The rows go first, those of some runs in one transaction, and the folders afterwards. In between such a run is in no table, and
its files only take space. The other way round, whoever is killed in between would leave a run in the tables without its weights
and ranks.
But a folder without rows must not be there when the same run is trained anew: training would go on from the checkpoints in it.
So a note is on the disk before the rows go, and everybody who lets runs into the store removes such folders first.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from sracl import paths
from sracl.errors import ResourceError
from sracl.runs import folder
from sracl.runs.upcoming import upcoming
from sracl.tracking import jobs, queries
from sracl.tracking.identity import STALE_AFTER, UNDER_WAY, presence
from sracl.tracking.identity import owner as owner_of
from sracl.tracking.values import now
from sracl.whole_file import flush

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sracl.runs.upcoming import Upcoming
    from sracl.tracking.identity import Identity
    from sracl.tracking.jobs import JobRow
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader
    from sracl.tracking.store import Store

_AT_ONCE = 20
"""Runs that go in one transaction. Each transaction waits for the disk three times, which takes longer than all else; meanwhile
others wait for the store, and every folder is held."""


@contextmanager
def alone(store: Reader) -> Iterator[None]:
    """Let nobody else enter, queue, import or remove runs meanwhile; removals that were killed are completed first.

    Raises:
        ResourceError: What is left of a removed run is in the way, and cannot be removed.
    """
    with store.path.with_name("enqueue.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for run_id, error in _complete(store).items():
            if (place := paths.run_folder(run_id)).exists():  # else it lies aside, in nobody's way; the next one tries again
                raise ResourceError(
                    f"run '{run_id}' was removed, and its folder {place} cannot be ({error.strerror}). Remove it and give the same "
                    "command again."
                ) from error
        yield


def obstacles(store: Reader, runs: Sequence[RunRow]) -> dict[str, str]:
    """What keeps runs from being removed now, and what to do about it: id -> the end of a sentence. Others may be removed."""
    at_work = {job.run_id: job for job in jobs.jobs(store, written=jobs.UNFINISHED) if job.state != "interrupted"}
    others = upcoming(store)
    found = {run.id: _job_in_the_way(at_work[run.id]) if run.id in at_work else _process_in_the_way(run, others) for run in runs}
    return {run_id: reason for run_id, reason in found.items() if reason}


def remove(store: Store, runs: Sequence[RunRow]) -> dict[str, ResourceError]:
    """Remove runs: their rows, and their folders in this project with weights, checkpoints, ranks, plan and log.

    The folder is the one that training would use here, wherever the run says that it was: in a copy of a project, the rows name
    the folders of the original.

    Args:
        store: Has them.
        runs: As the user has seen them.

    Returns:
        What keeps a run from being removed: id -> an error whose message is the end of a sentence. It is being trained or waits
        to be, has changed since it was seen, or its files cannot be removed. Where that shows only when its rows are gone,
        whatever enters runs tries again.
    """
    failures: dict[str, ResourceError] = {}
    for first in range(0, len(runs), _AT_ONCE):
        some = runs[first : first + _AT_ONCE]
        try:
            failures |= _remove_together(store, some)
        except ResourceError as error:  # none of these; the store may be free again for the next
            failures |= {run.id: error for run in some}
    return failures


def _remove_together(store: Store, runs: Sequence[RunRow]) -> dict[str, ResourceError]:
    from sracl.tracking.removal import take_out

    failures: dict[str, ResourceError] = {}
    with alone(store), ExitStack() as held:
        there = {run.id for run in queries.runs(store, ids=[run.id for run in runs])}
        seen = {run.id: run for run in runs if run.id in there}  # others are gone already, and only who is alone removes any
        for run_id in list(seen):
            try:
                _take_hold(paths.run_folder(run_id), held)
            except ResourceError as error:
                failures[run_id] = error
                del seen[run_id]
        with store.writing() as session:
            known = queries.runs(store, ids=list(seen))  # nobody else can write now
            reasons = {**{run.id: reason for run in known if (reason := _changed(run, seen[run.id]))}, **obstacles(store, known)}
            failures |= {run_id: ResourceError(reason) for run_id, reason in reasons.items()}
            going = [run_id for run_id in seen if run_id not in reasons]
            if going:
                _note(store, going)
                take_out(session, going)
        stuck = _complete(store)
    for run_id in set(going) & stuck.keys():
        place = paths.run_folder(run_id)
        left = place if place.exists() else folder.aside(place)
        failures[run_id] = ResourceError(f"was removed, and of its files some cannot be: {left} is left")
    return failures


def _take_hold(place: Path, held: ExitStack) -> None:
    """Hold the folder of a run that is to be removed; a run whose folder cannot go keeps its rows.

    Raises:
        ResourceError: The folder is held, in one that may not be written to, or a link to nowhere.
    """
    there = next(parent for parent in place.parents if parent.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise ResourceError(f"cannot be removed: {there} may not be written to")
    if place.is_symlink() and not place.exists():
        raise ResourceError(f"cannot be removed: {place} is a link to {os.readlink(place)}, which is not there")
    place.mkdir(parents=True, exist_ok=True)  # of imported runs there may be none, and a training that begins holds the folder
    held.enter_context(folder.held(place))


def _changed(run: RunRow, seen: RunRow) -> str:
    """What to say of a run that began or ended since it was seen."""
    if (run.state, run.attempt, run.finished) == (seen.state, seen.attempt, seen.finished):
        return ""
    return f"has changed meanwhile, it is {run.state}; give the same command again"


def _job_in_the_way(job: JobRow) -> str:
    cancel = f"`sracl queue cancel {job.number}`"
    if job.state in ("queued", "paused"):
        return f"{'waits' if job.state == 'queued' else 'is paused'} as job {job.number}: {cancel} first"
    process = f", process {job.pid} on {job.host}" if job.pid else ""
    return f"is being trained as job {job.number}{process}: {cancel} first"


def _process_in_the_way(run: RunRow, others: Sequence[Upcoming]) -> str:
    if run.state not in UNDER_WAY:
        waits = next((other.process for other in others if other.awaits(run)), None)
        return _waiting_for(waits) if waits else ""
    process = owner_of(run)
    silent = now() - run.heartbeat if run.heartbeat else None
    if process is not None and presence(process) == "elsewhere":
        if silent is None or silent > 2 * STALE_AFTER:  # by then another process may train it, too
            return ""
        seconds = int(silent.total_seconds())
        return f"is being trained by process {run.pid} on {run.host}, which gave a sign of life {seconds} s ago: end it there first"
    is_stopped = " (silent: it is stopped, or stuck)" if run.state == "stalled" else ""
    return f"is being trained by process {run.pid} on this machine{is_stopped}: {_end(run.pid)}"


def _waiting_for(process: Identity) -> str:
    where, end = ("this machine", _end(process["pid"])) if presence(process) == "alive" else (process["host"], "end it there first")
    return f"waits for process {process['pid']} on {where}, which will train it: {end}"


def _end(pid: int | None) -> str:
    return f"end it with Ctrl-C, or `kill {pid}`, first"


def _note(store: Reader, run_ids: Sequence[str]) -> None:
    """Leave word, on the disk before the rows go, that the folders of runs are to go as well."""
    notes = _notes(store)
    notes.mkdir(exist_ok=True)
    for run_id in run_ids:
        (notes / run_id).touch()
    flush(notes)
    flush(notes.parent)


def _complete(store: Reader) -> dict[str, OSError]:
    """Remove the folders of runs whose rows have gone, and the notes of those whose rows have stayed; which could not be removed."""
    notes = _notes(store)
    if not notes.is_dir():
        return {}
    stuck: dict[str, OSError] = {}
    noted = sorted(note.name for note in notes.iterdir())
    stayed = {run.id for run in queries.runs(store, ids=noted)}
    for run_id in noted:
        if run_id not in stayed:
            try:
                folder.remove(paths.run_folder(run_id))
            except OSError as error:
                stuck[run_id] = error
                continue
        (notes / run_id).unlink()
    with suppress(OSError):  # not empty: the next one's
        notes.rmdir()
    return stuck


def _notes(store: Reader) -> Path:
    return store.path.with_name("removing")
