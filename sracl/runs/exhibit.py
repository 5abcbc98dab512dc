"""What a run shows of its neighbours without torch: `exhibit.db` in its folder, a small SQLite file of its own.

| table    | a row is                                                                                            |
|----------|-----------------------------------------------------------------------------------------------------|
| fact     | a name and its JSON value: version, data set, counts, what weighs, how items are substituted        |
| item     | an item: name, title, and where it is exhibited its text and neighbours, JSON [[id, cosine], …]     |
| sequence | a user's last training sequence: items, oldest first, JSON [id, …]; text and neighbours, where the  |
|          | run has any, JSON [{name, items, text, similarity, weight}, …]                                      |

Nothing that trains, ranks or serves reads it. All items that any row names are there, at least with their title.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from sracl.errors import DataError
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

FILE = "exhibit.db"
VERSION = 1

_TABLES = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, neighbours TEXT);
CREATE TABLE sequence (id INTEGER PRIMARY KEY, name TEXT NOT NULL, items TEXT NOT NULL, text TEXT NOT NULL, neighbours TEXT);
"""


@dataclass(frozen=True)
class Item:
    """An item and its semantic neighbours."""

    id: int
    name: str
    """As in the data files."""
    title: str
    text: str = ""
    """Cut to a few hundred letters."""
    neighbours: tuple[tuple[int, float], ...] | None = None
    """Ids and cosines, the nearest first; None for an item that is only named."""


@dataclass(frozen=True)
class Neighbour:
    """A retrieved sequence."""

    name: str
    """User, and the position at which the sequence ends."""
    items: tuple[int, ...]
    text: str
    similarity: float
    weight: float | None
    """Its share in the synthesized positive, as the trained synthesizer gives it; None where none weighs."""


@dataclass(frozen=True)
class Sequence:
    """A user's last training sequence and its semantic neighbours."""

    id: int
    name: str
    """The user's, as in the data files."""
    items: tuple[int, ...]
    """Oldest first."""
    text: str = ""
    neighbours: tuple[Neighbour, ...] | None = None
    """None where the run knows no neighbours of sequences."""


def write(file: Path, *, facts: Mapping[str, Any], items: Iterable[Item], sequences: Iterable[Sequence]) -> None:
    """Write the whole file, or leave what is there; on the disk when this returns."""
    write_whole(file, lambda part: _fill(part, facts, items, sequences), durable=True)


def _fill(file: Path, facts: Mapping[str, Any], items: Iterable[Item], sequences: Iterable[Sequence]) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(_TABLES)
        with connection:
            told = {"version": VERSION, **facts}
            connection.executemany("INSERT INTO fact VALUES (?, ?)", [(name, json.dumps(value)) for name, value in told.items()])
            connection.executemany(
                "INSERT INTO item VALUES (?, ?, ?, ?, ?)",
                [(item.id, item.name, item.title, item.text, _packed(item.neighbours)) for item in items],
            )
            connection.executemany(
                "INSERT INTO sequence VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        row.id,
                        row.name,
                        json.dumps(row.items),
                        row.text,
                        _packed(None if row.neighbours is None else list(map(asdict, row.neighbours))),
                    )
                    for row in sequences
                ],
            )


class Exhibit:
    """An exhibit to be read; every call opens the file for itself, so that threads may share one.

    Args:
        file: As `write` made it.
        facts: Those of the file.
    """

    def __init__(self, file: Path, facts: Mapping[str, Any]) -> None:
        self.file = file
        self.facts = facts

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open the exhibit of a run.

        Raises:
            DataError: It is not there, damaged, or of another version.
        """
        if not file.is_file():
            raise DataError(f"{file} is not there.")
        exhibit = cls(file, {})
        try:
            exhibit.facts = {name: json.loads(value) for name, value in exhibit._rows("SELECT name, value FROM fact")}
        except (sqlite3.DatabaseError, ValueError) as error:
            raise DataError(f"{file} cannot be read: {error}. Train the run again to renew it.") from error
        if exhibit.facts.get("version") != VERSION:
            raise DataError(f"{file} is of version {exhibit.facts.get('version')}; this program reads version {VERSION}.")
        return exhibit

    def find_items(self, text: str = "", *, limit: int = 100) -> list[Item]:
        """Exhibited items whose name or title holds this text, in any case; without text and neighbours."""
        found = self._rows(
            "SELECT id, name, title FROM item WHERE neighbours IS NOT NULL AND (name LIKE ? ESCAPE '/' OR title LIKE ? ESCAPE '/') "
            "ORDER BY id LIMIT ?",
            (_anywhere(text), _anywhere(text), limit),
        )
        return [Item(*row) for row in found]

    def find_sequences(self, text: str = "", *, limit: int = 100) -> list[Sequence]:
        """Sequences of users whose name holds this text, in any case; without text and neighbours."""
        found = self._rows(
            "SELECT id, name, items FROM sequence WHERE name LIKE ? ESCAPE '/' ORDER BY id LIMIT ?", (_anywhere(text), limit)
        )
        return [Sequence(number, name, tuple(json.loads(items))) for number, name, items in found]

    def items(self, ids: Collection[int]) -> dict[int, Item]:
        """Items by id; ids that are not there are left out."""
        marks = ", ".join("?" * len(ids))
        found = self._rows(f"SELECT id, name, title, text, neighbours FROM item WHERE id IN ({marks})", tuple(ids))
        return {
            number: Item(number, name, title, text, None if near is None else tuple((other, cosine) for other, cosine in json.loads(near)))
            for number, name, title, text, near in found
        }

    def sequence(self, number: int) -> Sequence:
        """One sequence with its neighbours.

        Raises:
            DataError: There is none with this number.
        """
        for name, items, text, near in self._rows("SELECT name, items, text, neighbours FROM sequence WHERE id = ?", (number,)):
            neighbours = None if near is None else tuple(Neighbour(**{**row, "items": tuple(row["items"])}) for row in json.loads(near))
            return Sequence(number, name, tuple(json.loads(items)), text, neighbours)
        raise DataError(f"{self.file} has no sequence {number}.")

    def _rows(self, statement: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"{self.file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return connection.execute(statement, values).fetchall()


def _packed(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _anywhere(text: str) -> str:
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return f"%{text}%"
