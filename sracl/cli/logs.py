"""`sracl logs`: what a run told while it was trained, or a job printed."""

from __future__ import annotations

import codecs
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sracl.cli import complete

if TYPE_CHECKING:
    from sracl.tracking.jobs import JobRow
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader

_LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class _Log:
    """The log of a run or job, as it is now."""

    file: Path
    is_growing: bool
    absent: str
    """What to say where there is no such file."""


def command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run: its id, how that begins, @last or @best:METRIC; or the number of a job.",
            autocompletion=complete.runs_and_jobs,
        ),
    ],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is told, until the run or job ends.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Begin with the last so many lines.")] = 200,
) -> None:
    """Print what a run told while it was trained, in a terminal or as a job, attempt after attempt."""
    from sracl import paths
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        log = _found(store, name)
        if not log.file.is_file():
            print(log.absent, file=sys.stderr)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # what is read may end in the middle of a letter
        place = 0
        if log.file.is_file():
            with log.file.open("rb") as file:
                _print(decoder.decode(b"".join(deque(file, maxlen=lines))))
                place = file.tell()
        while follow:
            is_growing = _found(store, name).is_growing  # before reading, so that what is told last is read
            if not is_growing:
                time.sleep(_LOOK_SECONDS)  # a run is done before it says so
            if log.file.is_file():
                with log.file.open("rb") as file:
                    file.seek(place)
                    _print(decoder.decode(file.read()))
                    place = file.tell()
            if not is_growing:
                return
            time.sleep(_LOOK_SECONDS)


def _found(store: Reader, name: str) -> _Log:
    """The log of the job of this number, or of the run that is called so.

    Raises:
        UsageError: Neither is there, or several runs are meant.
    """
    from sracl.errors import UsageError
    from sracl.tracking import jobs, queries

    if (job := jobs.numbered(store, name)) is not None:
        return _of_job(job)
    try:
        run = queries.run(store, name)
    except UsageError:
        if name.isdecimal():
            jobs.job(store, name)  # which says which numbers there are
        raise
    job = jobs.last_of(store, run.id)
    return _of_job(job) if job is not None and job.is_active else _of_run(run)


def _of_job(job: JobRow) -> _Log:
    absent = f"keeps no log, {job.reason}" if job.lost_its_run else f"has printed nothing yet: it is {job.state}"
    return _Log(Path(job.log), job.is_active, f"Job {job.number} {absent}.")


def _of_run(run: RunRow) -> _Log:
    from sracl.runs.log import FILE
    from sracl.tracking.identity import UNDER_WAY

    if run.imported:
        absent = f"was imported from {run.imported}; its log stayed where it was trained"
    elif run.attempt == 0:
        absent = f"has told nothing yet: it is {run.state}"
    else:
        absent = f"has no log in {run.folder}: an earlier sracl trained it in a terminal, or its folder has gone"
    return _Log(Path(run.folder) / FILE, run.state in UNDER_WAY, f"Run {run.id} {absent}.")


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
