"""`sracl logs`: what a job printed."""

from __future__ import annotations

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
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="The last so many lines.")] = 200,
) -> None:
    """Print what a job printed."""
    from sracl import paths
    from sracl.tracking import jobs
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        row = jobs.job(store, job)
        path = Path(row.log)
        if not path.is_file():
            print(f"Job {row.number} has printed nothing yet: it is {row.state}.", file=sys.stderr)
        place = _print_last(path, lines)
        while follow:
            active = jobs.job(store, str(row.number)).is_active  # before reading, so that what it printed last is read
            place = _print_on(path, place)
            if not active:
                return
            time.sleep(_LOOK_SECONDS)


def _print_last(path: Path, lines: int) -> int:
    """Print the last lines; the place in the file after them."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        for line in deque(file, maxlen=lines):
            _print(line)
        return file.tell()


def _print_on(path: Path, place: int) -> int:
    """Print what was added after a place; the place after that."""
    if not path.is_file():
        return place
    with path.open("rb") as file:
        file.seek(place)
        _print(file.read())
        return file.tell()


def _print(text: bytes) -> None:
    sys.stdout.write(text.decode(errors="replace"))
    sys.stdout.flush()
