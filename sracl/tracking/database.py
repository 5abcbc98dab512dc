"""The SQLite file: created once, opened safely, with short transactions and errors in the user's words."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Mapping, Set
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from sracl.errors import BudgetError, ResourceError, SraclError, StoreError
from sracl.tracking.tables import VERSION, SchemaVersion, Table, now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

_BUSY_SECONDS = 30
_WAL_LIMIT = 64 * 1024 * 1024
_BEGIN = {
    "read": ("BEGIN",),
    "points": ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
    "durable": ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
}
"""How each purpose begins. NORMAL survives the death of a process, FULL a power cut as well; IMMEDIATE waits for its turn
at the start, where waiting is safe, and not in the middle, where it would fail."""

_CUT_SHORT = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE)


class Database:
    """One store file. Connections are pooled; none of them keeps a transaction open between calls."""

    def __init__(self, path: Path, engine: Engine, *, read_only: bool, notice: str = "") -> None:
        self.path = path
        self.read_only = read_only
        self.notice = notice
        self._engine = engine

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Database:
        """Open the file, making it first if there is none and it may be written.

        Raises:
            StoreError: There is nothing to read, the file is damaged, or it is no store.
        """
        if read_only and not path.is_file():
            raise StoreError(f"There is no store at {path} yet; `sracl run RECIPE` makes one.")
        with _in_words(path):
            if not read_only:
                path.parent.mkdir(parents=True, exist_ok=True)
            with _lock(path, shared=read_only):
                engine = _engine(path, "ro" if read_only else "rwc")
                try:
                    version = _version(engine, path)
                    if version is None and not read_only:
                        version = _create(engine)
                except BaseException:
                    engine.dispose()
                    raise
        if version is None:
            engine.dispose()
            raise StoreError(f"The store at {path} is empty; `sracl run RECIPE` fills it.")
        if version <= VERSION:
            return cls(path, engine, read_only=read_only)
        engine.dispose()
        notice = (
            f"The store at {path} was written by a newer sracl (schema {version}, this program knows {VERSION}): "
            "it is opened read-only. Upgrade sracl to write to it."
        )
        return cls(path, _engine(path, "ro"), read_only=True, notice=notice)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view, to be left as soon as the rows are copied: an open one keeps the write-ahead log growing."""
        with _in_words(self.path), Session(self._engine.execution_options(purpose="read")) as session:
            yield session

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Session]:
        """One transaction, committed at the end and undone by any error.

        Raises:
            StoreError: The store is read-only or damaged.
            BudgetError: The disk is full.
            ResourceError: Others kept the store locked for the whole waiting time.
        """
        if self.read_only:
            raise StoreError(self.notice or f"The store at {self.path} was opened for reading only.")
        engine = self._engine.execution_options(purpose="durable" if durable else "points")
        with _in_words(self.path), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection; the last one of all processes folds the write-ahead log into the file."""
        self._engine.dispose()


def plain(value: Any) -> Any:
    """A value as JSON can hold it: any mapping as a dict, any sequence or set as a list."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _engine(path: Path, mode: str) -> Engine:
    if mode == "ro" and not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists():
        mode += "&immutable=1"  # where no -shm file can be made, SQLite reads a WAL file only on the promise that nobody writes
    address = f"{path.absolute().as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, json_serializer=lambda value: json.dumps(value, ensure_ascii=False))

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        for statement in _BEGIN[connection.get_execution_options().get("purpose", "read")]:
            connection.exec_driver_sql(statement)

    return engine


def _version(engine: Engine, path: Path) -> int | None:
    """Version of the tables in the file; None when it has no tables at all."""
    with engine.connect() as connection:
        names = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars())
        if not names:
            return None
        if "schemaversion" not in names:
            raise StoreError(f"{path} is an SQLite file, but not a store of sracl: it has the tables {', '.join(sorted(names))}.")
        version = connection.execute(text("SELECT max(version) FROM schemaversion")).scalar_one()
        return int(version)


def _create(engine: Engine) -> int:
    """Make the tables in one transaction; a process killed here leaves a file without any, which the next one fills."""
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode = WAL")  # kept in the file; not possible inside a transaction
    finally:
        raw.close()
    with engine.execution_options(purpose="durable").begin() as connection:
        Table.metadata.create_all(connection)
        with Session(connection) as session:
            session.add(SchemaVersion(version=VERSION, applied=now()))
            session.flush()
    return VERSION


@contextmanager
def _lock(path: Path, *, shared: bool) -> Iterator[None]:
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
def _in_words(path: Path) -> Iterator[None]:
    """Say what SQLite and the file system report in the user's words."""
    try:
        yield
    except DatabaseError as error:
        raise _explained(error.orig or error, path) from error
    except sqlite3.DatabaseError as error:
        raise _explained(error, path) from error
    except OSError as error:
        raise StoreError(f"The store at {path} cannot be opened: {error.strerror or error}.") from error


def _explained(error: BaseException, path: Path) -> SraclError:
    detail = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = detail & 0xFF  # the low byte is the primary code
    if code == sqlite3.SQLITE_FULL:
        return BudgetError(
            f"There is no space left for the store at {path}. What was written before is safe; free some space and run again."
        )
    if detail in _CUT_SHORT:
        return BudgetError(f"The store at {path} could not be written: the disk is full, over its quota or failing ({error}).")
    if code == sqlite3.SQLITE_BUSY:
        return ResourceError(f"The store at {path} was kept locked by another program for {_BUSY_SECONDS} s.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"The store at {path} is damaged ({error}). Move the file away, or put a backup in its place.")
    if code == sqlite3.SQLITE_READONLY:
        return StoreError(f"The store at {path} may not be written to ({error}).")
    return StoreError(f"The store at {path} answered: {error}.")
