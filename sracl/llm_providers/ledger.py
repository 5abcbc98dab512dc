"""Answers that were paid for, kept on disk: none is lost, none is paid for twice, and every cent is accounted for.

    answers.db            SQLite, in the cache folder
      requests            one row for all that decides an answer, with the answer, or the reason why there is none
      attempts            one row for every time a request was sent, with what it cost
      batches             one row for all requests that were handed in together; they outlive the process that did so
    answers.owners/ID     held locked by a process while it has requests under way, whose project and ceilings it tells; the
                          lock goes with the process
    answers.lock          held while the tables are made

An attempt is on the disk before its request is sent, and an answer before it counts. What a process had under way when it
died is found by the next one: those attempts are `lost`, they may have been paid for, and they count with the most that
they can have cost.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PICODOLLARS = 10**12
"""In a dollar. Costs are counted in whole picodollars: a token at 0.014 dollars a million costs 14,000 of them, exactly."""

_TABLES = """
CREATE TABLE IF NOT EXISTS requests (
  key TEXT PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL, sample INTEGER NOT NULL,
  reply TEXT, failure TEXT, settled_at REAL);
CREATE TABLE IF NOT EXISTS attempts (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL REFERENCES requests(key), owner TEXT NOT NULL, begun_at REAL NOT NULL,
  most INTEGER NOT NULL, ended_at REAL, outcome TEXT, cost INTEGER, tokens_in INTEGER, tokens_out INTEGER,
  tokens_cached INTEGER, reply TEXT, detail TEXT);
CREATE TABLE IF NOT EXISTS batches (
  name TEXT PRIMARY KEY, provider TEXT NOT NULL, owner TEXT NOT NULL, begun_at REAL NOT NULL, id TEXT, collected_at REAL);
CREATE INDEX IF NOT EXISTS attempts_of_a_request ON attempts(key);
CREATE INDEX IF NOT EXISTS attempts_under_way ON attempts(owner) WHERE outcome IS NULL;
"""
SPENT = "CASE WHEN outcome IS NULL OR outcome = 'lost' THEN most ELSE coalesce(cost, 0) END"
"""Of an attempt: what it cost, or the most that it can have cost."""
BATCH = "batch-"
"""How the owner of an attempt begins that belongs to no process but to a batch."""
_WAIT_SECONDS = 30.0


def connect(file: Path) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return; transactions are begun by `transaction` alone."""
    database = sqlite3.connect(file, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two that make the file at once would find it locked, whatever the timeout
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(_TABLES)
    database.execute("PRAGMA synchronous = FULL")
    return database


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; waits for its turn at the start, where waiting is safe."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # SQLite ends it by itself where the disk is full
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def bury(database: sqlite3.Connection, file: Path) -> None:
    """Declare lost what dead processes had under way."""
    for (owner,) in database.execute("SELECT DISTINCT owner FROM attempts WHERE outcome IS NULL").fetchall():
        if not owner.startswith(BATCH) and is_dead(file, owner):
            with transaction(database):
                lose(database, owner, "the process died while it waited for the answer")


def lose(database: sqlite3.Connection, owner: str, detail: str) -> None:
    """Declare lost what this owner has under way."""
    database.execute(
        "UPDATE attempts SET outcome = 'lost', detail = ?, ended_at = ? WHERE owner = ? AND outcome IS NULL", (detail, time.time(), owner)
    )


def owners(file: Path) -> Path:
    """The folder of locks beside this file of answers."""
    return file.with_suffix(".owners")


def is_left(file: Path, owner: str) -> bool:
    """Whether nobody waits any longer for what this owner has under way; the next to ask declares it lost. Nothing is written."""
    if owner.startswith(BATCH):
        return False
    try:
        with (owners(file) / owner).open("r") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False


def is_dead(file: Path, owner: str) -> bool:
    """Whether the process of this name is gone; its lock is removed then."""
    lock = owners(file) / owner
    try:
        with lock.open("r") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.unlink(missing_ok=True)
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
