"""`sracl logs`: what a job printed."""

from __future__ import annotations

import codecs
import sys
import time
from collections import deque
from pathlib import Path
from typing import Annotated

import typer

_LOOK_SECONDS = 0.3


def command(
    job: Annotated[str, typer.Argument(help="Number of a job, or how the id of its run begins.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as the job prints more, until it ends.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Begin with the last so many lines.")] = 200,
) -> None:
    """Print what a job printed."""
    from sracl import paths
    from sracl.tracking import jobs
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        row = jobs.job(store, job)
        path = Path(row.log)
        if row.lost_its_run:
            print(f"Job {row.number} keeps no log, {row.reason}.", file=sys.stderr)
        elif not path.is_file():
            print(f"Job {row.number} has printed nothing yet: it is {row.state}.", file=sys.stderr)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # what is read may end in the middle of a letter
        place = 0
        if path.is_file():
            with path.open("rb") as file:
                _print(decoder.decode(b"".join(deque(file, maxlen=lines))))
                place = file.tell()
        while follow:
            active = jobs.job(store, str(row.number)).is_active  # before reading, so that what it printed last is read
            if path.is_file():
                with path.open("rb") as file:
                    file.seek(place)
                    _print(decoder.decode(file.read()))
                    place = file.tell()
            if not active:
                return
            time.sleep(_LOOK_SECONDS)


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
