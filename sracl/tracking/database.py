"""The writing half of the store: its tables made once, and short transactions that happen entirely or not at all."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session

from sracl.tracking.backup import copy_store
from sracl.tracking.file import VERSION, connect, explained, in_words, kept_version, locked
from sracl.tracking.tables import SchemaVersion, Table
from sracl.tracking.values import now
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

_WAL_LIMIT = 64 * 1024 * 1024
_BEGIN = {
    "points": ("PRAGMA synchronous = NORMAL", "BEGIN IMMEDIATE"),
    "durable": ("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE"),
}
"""How each purpose begins. NORMAL survives the death of a process, FULL a power cut as well; IMMEDIATE waits for its turn
at the start, where waiting is safe, and not in the middle, where it would fail."""


class Database:
    """One store file, to be written. Connections are pooled; none of them keeps a transaction open between calls."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _engine(path)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[Session]:
        """One transaction, committed at the end and undone by any error.

        Raises:
            StoreError: The file is damaged.
            BudgetError: The disk is full.
            ResourceError: Others kept the store locked for the whole waiting time.
        """
        engine = self._engine.execution_options(purpose="durable" if durable else "points")
        with _in_words(self._path), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection; the last one of all processes folds the write-ahead log into the file."""
        self._engine.dispose()


def made_version(path: Path) -> int:
    """Version of the tables in a file, which is made first, given its tables or brought up to date, where that is to be done.

    Raises:
        StoreError: The file is damaged, or it is no store.
    """
    with _in_words(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path, shared=False):
            version = kept_version(path, "rwc")
            if version is None:
                version = _create(path)
            elif version < VERSION:
                version = _migrate(path, version)
    return version


def _create(path: Path) -> int:
    """Make the tables in one transaction; a process killed here leaves a file without any, which the next one fills."""
    with closing(connect(path, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # kept in the file; not possible inside a transaction
    return _put_in_place(path)


def _migrate(path: Path, version: int) -> int:
    """Add what later versions have and this one lacks, after a copy of the file as it was. So far that is whole tables."""
    copy = path.with_name(f"{path.name}.version-{version}")
    if not copy.exists():  # else an earlier attempt made it, and died
        write_whole(copy, lambda part: copy_store(path, part))
    return _put_in_place(path)


def _put_in_place(path: Path) -> int:
    """All tables that are not there yet, in one transaction."""
    engine = _engine(path)
    try:
        with engine.execution_options(purpose="durable").begin() as connection:
            Table.metadata.create_all(connection)
            with Session(connection) as session:
                session.add(SchemaVersion(version=VERSION, applied=now()))
                session.flush()
    finally:
        engine.dispose()
    return VERSION


def _engine(path: Path) -> Engine:
    engine = create_engine(
        "sqlite://", creator=lambda: connect(path, "rwc"), json_serializer=lambda value: json.dumps(value, ensure_ascii=False)
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_LIMIT}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        for statement in _BEGIN[connection.get_execution_options()["purpose"]]:
            connection.exec_driver_sql(statement)

    return engine


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Say what SQLAlchemy reports in the user's words, too."""
    with in_words(path):
        try:
            yield
        except DatabaseError as error:
            raise explained(error.orig or error, path) from error
