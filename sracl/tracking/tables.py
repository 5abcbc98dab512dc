"""The tables of the store. Only `store` writes them, and only `queries` reads them, in SQL that names their columns.

A change to them is a new `file.VERSION`.

| table         | a row is                                                                        |
|---------------|---------------------------------------------------------------------------------|
| schemaversion | a version of these tables that was put in place                                 |
| recipe        | what a recipe wants reported                                                    |
| run           | one training: one complete set of values, known by its digest                   |
| entry         | a place in a recipe (variant, cell, seed) and a run that fills it               |
| point         | a value of a series: loss or validation metric of an epoch                      |
| protocol      | the facts behind a protocol fingerprint                                         |
| metric        | a final figure, under its protocol                                              |
| artifact      | a file the run made or used                                                     |
| tag           | a word that a user gave to a run, to find it by                                 |
| note          | what a user has to say of a run                                                 |
| job           | a command that waits for a device, has one, or had one                          |
| queuestate    | whether the queue lets waiting jobs begin                                       |
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, DateTime, MetaData, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: refused without a time zone, stored in UTC, read back in UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware moment -> naive UTC, which is what SQLite can keep."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC -> aware moment."""
        return None if value is None else value.replace(tzinfo=UTC)


class Table(SQLModel):
    """Base of all tables; has its own metadata, so that a plug-in's SQLModel classes never end up in the store."""

    metadata = MetaData()


class SchemaVersion(Table, table=True):
    """A version of the tables that was put in place."""

    version: int = Field(primary_key=True)
    applied: datetime = Field(sa_type=UtcDateTime)


class Recipe(Table, table=True):
    """What a recipe wants reported: its `[report]` table."""

    name: str = Field(primary_key=True)
    source: str
    """The file it was read from, or its shipped name."""
    report: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Run(Table, table=True):
    """One training."""

    number: int | None = Field(default=None, primary_key=True)
    """Counts registrations: orders runs even where the clock was set back."""
    id: str = Field(unique=True)
    digest: str = Field(unique=True)
    """Of everything that decides the outcome; the same digest is the same run, whichever recipe asks for it."""
    dataset: str = Field(index=True)
    seed: int
    label: str
    state: str = Field(index=True)
    """As last written. What is shown is derived, see `identity.shown_state`."""
    reason: str = ""
    attempt: int = 0
    host: str | None = None
    boot_id: str | None = None
    pid: int | None = None
    pid_started: float | None = None
    heartbeat: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created: datetime = Field(sa_type=UtcDateTime)
    started: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Start of the last attempt."""
    finished: datetime | None = Field(default=None, sa_type=UtcDateTime)
    epoch: int | None = None
    """The last one logged."""
    leaky: list[str] = Field(sa_column=Column(JSON, nullable=False))
    values: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    origins: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    environment: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    folder: str


class Entry(Table, table=True):
    """A place in a recipe, and a run that fills it: several where a value was changed in between."""

    __table_args__ = (UniqueConstraint("recipe", "variant", "cell", "seed", "dataset", "run_id"),)

    number: int | None = Field(default=None, primary_key=True)
    recipe: str
    variant: str
    cell: str
    """Point of the recipe's matrix, canonical JSON."""
    seed: int
    dataset: str
    """Part of the key: a recipe pointed at another data set adds runs, it does not replace the old ones."""
    ordinal: int
    """Order of the variants in the recipe."""
    run_id: str = Field(foreign_key="run.id", index=True)


class Point(Table, table=True):
    """A value of a series. NaN is kept as NULL, which is how SQLite stores it."""

    run_id: str = Field(foreign_key="run.id", primary_key=True)
    name: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    value: float | None


class Protocol(Table, table=True):
    """The facts behind a fingerprint."""

    fingerprint: str = Field(primary_key=True)
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class Metric(Table, table=True):
    """A final figure of a run."""

    run_id: str = Field(foreign_key="run.id", primary_key=True)
    split: str = Field(primary_key=True)
    """`valid` or `test`."""
    protocol: str = Field(foreign_key="protocol.fingerprint", primary_key=True)
    group: str = Field(primary_key=True)
    """`all`, or a group of users such as `history<7`."""
    name: str = Field(primary_key=True)
    value: float | None
    count: int | None
    """Users averaged over."""


class Artifact(Table, table=True):
    """A file that a run made or used."""

    run_id: str = Field(foreign_key="run.id", primary_key=True)
    name: str = Field(primary_key=True)
    path: str
    digest: str
    size: int
    """Bytes."""
    facts: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created: datetime = Field(sa_type=UtcDateTime)


class Tag(Table, table=True):
    """A word that a user gave to a run. Since version 3."""

    run_id: str = Field(foreign_key="run.id", primary_key=True)
    name: str = Field(primary_key=True, index=True)


class Note(Table, table=True):
    """What a user has to say of a run. Since version 3."""

    run_id: str = Field(foreign_key="run.id", primary_key=True)
    text: str


class Job(Table, table=True):
    """A command that waits for a device, has one, or had one. Since version 2."""

    number: int | None = Field(default=None, primary_key=True)
    """Counts: among jobs of the same priority the lower one begins first."""
    run_id: str | None = Field(default=None, foreign_key="run.id", index=True)
    """The run it trains; none for any other command."""
    label: str
    command: list[str] = Field(sa_column=Column(JSON, nullable=False))
    folder: str
    """Where the command is started."""
    log: str
    """File that takes what it prints."""
    environment: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    """Variables set for it, on top of the worker's own. Never one that may hold a secret."""
    resources: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """`device`: `auto`, `cpu` or `cuda`; `vram`: GiB of a GPU, or None for all of it."""
    priority: int = 0
    """The higher begins first."""
    state: str = Field(index=True)
    """As last written. What is shown is derived, see `queries.jobs`."""
    wanted: str = ""
    """What its worker is asked to do: `cancel`, `pause`, `kill`, `checkpoint`, or nothing."""
    reason: str = ""
    """Why it waits, or why it ended."""
    code: int | None = None
    """Exit code of the last attempt; 128 + the signal where that ended it."""
    attempt: int = 0
    device: str = ""
    """Key of the device it has or had: the UUID of a GPU, or `cpu`."""
    host: str | None = None
    boot_id: str | None = None
    pid: int | None = None
    pid_started: float | None = None
    worker: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON))
    """The process that looks after it."""
    lease: datetime | None = Field(default=None, sa_type=UtcDateTime)
    """Until when that process answers for it."""
    created: datetime = Field(sa_type=UtcDateTime)
    started: datetime | None = Field(default=None, sa_type=UtcDateTime)
    finished: datetime | None = Field(default=None, sa_type=UtcDateTime)


class QueueState(Table, table=True):
    """One row: whether the queue lets waiting jobs begin. Since version 2."""

    number: int = Field(default=1, primary_key=True)
    paused: bool = False
