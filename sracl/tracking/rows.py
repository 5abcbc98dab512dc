"""Rows of a table as frozen dataclasses, chosen by conditions: the SQL that all queries are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sracl.tracking.values import decoded

if TYPE_CHECKING:
    import sqlite3

_Row = TypeVar("_Row")

Condition: TypeAlias = tuple[str, Sequence[Any]]
"""SQL, and the values of its question marks."""

Derived: TypeAlias = Mapping[str, tuple[str, Callable[[Any], Any]]]
"""Fields that are no columns: what SQL selects for them, and what makes their value of it."""


def select(
    view: sqlite3.Connection, row: type[_Row], table: str, *conditions: Condition, end: str = "", derived: Derived | None = None
) -> Iterator[_Row]:
    """Rows of a table, as they are needed. The fields of their class are its columns, but for those with a default.

    Args:
        view: Where to look.
        row: A frozen dataclass.
        table: Its name.
        conditions: What every row fulfils.
        end: SQL after the conditions: order, limit.
        derived: Fields of the class that are no columns of the table.
    """
    names = [field.name for field in fields(row) if field.default is MISSING]  # type: ignore[arg-type]  # every class here is a dataclass
    # with their table, since SQLite takes an unknown name that only has quotes for a text
    made = {name: (f'{table}."{name}"', partial(decoded, name)) for name in names} | dict(derived or {})
    columns = ", ".join(made[name][0] for name in names)
    clause, values = where(*conditions)
    for kept in view.execute(f"SELECT {columns} FROM {table} {clause} {end}", values):
        yield row(**{name: made[name][1](value) for name, value in zip(names, kept, strict=True)})


def where(*conditions: Condition) -> Condition:
    """The clause that demands all conditions; none demands nothing."""
    clause = " AND ".join(condition for condition, _ in conditions)
    return f"WHERE {clause}" if clause else "", [value for _, values in conditions for value in values]


def among(column: str, wanted: Collection[Any] | None) -> Condition:
    """A column has one of these values; None is any."""
    if wanted is None:
        return "1 = 1", ()
    if not wanted:
        return "1 = 0", ()  # standard SQL has no empty list
    return f"{column} IN ({', '.join('?' * len(wanted))})", tuple(wanted)


def equals(column: str, wanted: Any) -> Condition:
    """A column has this value; None is any."""
    return among(column, None if wanted is None else [wanted])


def begins(column: str, text: str) -> Condition:
    """A column begins with a text, in which no letter stands for others."""
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return f"{column} LIKE ? ESCAPE '/'", [f"{text}%"]
