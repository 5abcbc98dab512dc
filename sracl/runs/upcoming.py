"""Runs that processes which live have entered and will come to, one after the other.

    .sracl/upcoming-XXXX.json   of one process: which it is, and the attempts that each run had when it was entered

A file counts as long as its process locks it, which ends with the process however that ends. A run that has more attempts by now
was begun since, by this process or another, and its row says what became of it.
"""

from __future__ import annotations

import fcntl
import json
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.tracking import identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sracl.tracking.identity import Identity
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader


@dataclass(frozen=True)
class Upcoming:
    """What one process that lives will come to."""

    process: Identity
    attempts: Mapping[str, int]
    """Id of a run -> its attempts when it was entered."""

    def awaits(self, run: RunRow) -> bool:
        """Whether the process will train a run that nobody has begun since."""
        return run.state != "completed" and run.attempt <= self.attempts.get(run.id, -1)


@contextmanager
def announced(store: Reader, attempts: Mapping[str, int]) -> Iterator[None]:
    """Have others know, until the end, that this process will train runs. It is to be `alone` with the store as this begins.

    Args:
        store: Has the runs.
        attempts: Id of a run -> its attempts until now.
    """
    for _ in _held(store, clean=True):
        pass
    path = store.path.with_name(f"upcoming-{uuid.uuid4().hex}.json")
    try:
        with path.open("w", encoding="utf-8") as file:
            json.dump({"process": identity.current(), "attempts": dict(attempts)}, file)
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)  # only now, so that whoever finds it locked reads all of it
            yield
    finally:
        path.unlink(missing_ok=True)


def upcoming(store: Reader) -> list[Upcoming]:
    """What every process that lives will come to."""
    return [Upcoming(**json.loads(text)) for text in _held(store)]


def _held(store: Reader, *, clean: bool = False) -> Iterator[str]:
    """Contents of the files whose processes live; those of others go, if wanted: by who is alone, since a new one is not locked yet."""
    found: list[Path] = sorted(store.path.parent.glob("upcoming-*.json"))
    for path in found:
        with suppress(FileNotFoundError), path.open(encoding="utf-8") as file:  # its process may have ended just now
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                yield file.read()
            else:
                if clean:
                    path.unlink()
