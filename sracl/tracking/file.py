"""The SQLite file as readers and writers share it: who may open it, what it holds, and errors in the user's words.

Nothing here or in `reader`, `rows`, `queries` and `values` loads SQLAlchemy: importing it with the tables takes longer than all
the rest of `sracl compare`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Literal

from sracl.errors import BudgetError, ResourceError, SraclError, StoreError
from sracl.sqlite import is_out_of_space

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 3
"""Version of the tables in `tables`. 2 added the queue, 3 tags and notes."""

_BUSY_SECONDS = 30


def connect(path: Path, mode: Literal["ro", "rwc"], *, leave_no_trace: bool = False) -> sqlite3.Connection:
    """A connection that begins no transaction by itself: `ro` reads, `rwc` writes and makes the file.

    A reader leaves the files -wal and -shm beside a store that nobody has open. With `leave_no_trace` it makes none: where they
    are missing it reads as if nobody could write, so it is kept for one short transaction, and what a program that begins to
    write in just that moment does is seen, or seen in part, by the next.
    """
    flags = f"mode={mode}"
    if mode == "ro":
        beside = [path.with_name(path.name + end).exists() for end in ("-wal", "-shm")]
        if leave_no_trace and all(beside):
            flags += "&readonly_shm=1"
        elif leave_no_trace or (not os.access(path.parent, os.W_OK) and not beside[0]):
            flags += "&immutable=1"  # where no -shm file can be made, SQLite reads a WAL file only on the promise that nobody writes
    address = f"{path.absolute().as_uri()}?{flags}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def kept_version(path: Path, mode: Literal["ro", "rwc"], *, leave_no_trace: bool = False) -> int | None:
    """Version of the tables in the file; None when it has no tables at all.

    Raises:
        StoreError: The tables are another program's.
    """
    with closing(connect(path, mode, leave_no_trace=leave_no_trace)) as connection:
        names = sorted(name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
        if not names:
            return None
        if "schemaversion" not in names:
            raise StoreError(f"{path} is an SQLite file, but not a store of sracl: it has the tables {', '.join(names)}.")
        return int(connection.execute("SELECT max(version) FROM schemaversion").fetchone()[0])


@contextmanager
def locked(path: Path, *, shared: bool) -> Iterator[None]:
    """Hold the lock file beside the store, so that switching a new file to WAL meets no other connection.

    The busy timeout does not cover that switch: of 300 first openings by 12 processes at once, 15 failed without the lock.
    """
    lock = path.with_name(path.name + ".lock")
    if shared and not lock.is_file():
        yield
        return
    with lock.open("r" if shared else "a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Say what SQLite and the file system report in the user's words."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise explained(error, path) from error
    except OSError as error:
        raise StoreError(f"The store at {path} cannot be opened: {error.strerror or error}.") from error


def damaged(path: Path, found: object) -> str:
    """What to say of a store that is damaged, and to do about it."""
    return f"The store at {path} is damaged ({found}). {mend(path)}"


def mend(path: Path) -> str:
    """How a damaged store is replaced. Its write-ahead log has to go along, which would be written into whatever takes its place."""
    return (
        f"Move it away with the files {path.name}-wal and {path.name}-shm beside it, and put a copy that `sracl doctor --backup FILE` "
        "made in its place, or begin anew."
    )


def explained(error: BaseException, path: Path) -> SraclError:
    """What an error of SQLite means for the user."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the primary code
    if is_out_of_space(error):
        return BudgetError(
            f"There is no space left for the store at {path}: the disk is full, over its quota or failing ({error}). What was written "
            "before is safe; free some space and run again."
        )
    if code == sqlite3.SQLITE_BUSY:
        return ResourceError(f"The store at {path} was kept locked by another program for {_BUSY_SECONDS} s.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(damaged(path, error))
    if code == sqlite3.SQLITE_READONLY:
        return StoreError(f"The store at {path} may not be written to ({error}).")
    return StoreError(f"The store at {path} answered: {error}.")
