"""Interactions and texts from a table with named columns, whatever file it stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.data.sources import columns as names
from sracl.data.sources.events import Events
from sracl.data.sources.times import seconds
from sracl.errors import DataError
from sracl.interfaces import ItemText

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.events import Row
    from sracl.data.sources.form import Role

_QUOTES = " '\"[]"


@dataclass(frozen=True)
class Table:
    """A header and rows, read once."""

    path: Path
    header: tuple[str, ...]
    rows: Iterator[tuple[int, Sequence[object]]]
    """Line and cells, as many as the header has; a cell without a value is None or ''."""
    attributes: tuple[int, ...] = ()
    """Columns that describe items in a word or two and have no place of their own in a text."""


def role(header: Sequence[str], columns: Columns) -> Role | None:
    """What a table with this header holds: interactions if it has users and items, items if it has only these."""
    if names.item_column(header, columns) is None:
        return None
    return "items" if names.user_column(header, columns) is None else "interactions"


def events(table: Table, columns: Columns) -> Events:
    """The interactions of a table with users, items and, unless the order of its rows is to count, times.

    Raises:
        DataError: A column that the user named is not there, or a cell is empty or no time; the message names the line.
    """
    user = names.user_column(table.header, columns)
    item = names.item_column(table.header, columns)
    time = names.time_column(table.header, columns, str(table.path))
    value = names.value_column(table.header, columns, str(table.path))
    assert user is not None  # by its role
    assert item is not None

    def rows() -> Iterator[Row]:
        for line, cells in table.rows:
            where = f"{table.path}:{line}"
            named = (_name(cells, user, table, where), _name(cells, item, table, where))
            of_value = None if value is None else names.as_number(cells[value], table.header[value], where)
            yield (*named, None if time is None else seconds(cells[time], where), of_value)

    return Events.of(rows())


def texts(table: Table, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
    """What the table knows of the items wanted; of an item with several rows the first counts.

    Raises:
        DataError: A row names no item; the message names its line.
    """
    item = names.item_column(table.header, columns)
    assert item is not None  # by its role
    places = [names.find(table.header, known) for known in (names.TITLE, names.BRAND, names.CATEGORIES, names.DESCRIPTION)]
    found: dict[str, ItemText] = {}
    for line, cells in table.rows:
        name = _name(cells, item, table, f"{table.path}:{line}")
        if name not in wanted or name in found:
            continue
        title, brand, categories, description = ("" if place is None else cells[place] for place in places)
        found[name] = ItemText(
            title=_text(title),
            brand=_text(brand),
            categories=several(categories),
            description=_text(description),
            attributes={table.header[i]: text for i in table.attributes if i not in places and i != item and (text := _text(cells[i]))},
        )
    return found


def several(value: object) -> tuple[str, ...]:
    """The words in one cell: of a list its entries; of text what commas, bars or, where there are neither, spaces part."""
    if isinstance(value, list | tuple):
        parts = [_text(entry) for entry in value]
    else:
        text = _text(value)
        parts = re.split(r"[,|]", text) if re.search(r"[,|]", text) else text.split()
    return tuple(dict.fromkeys(part for entry in parts if (part := entry.strip(_QUOTES))))


def _name(cells: Sequence[object], column: int, table: Table, where: str) -> str:
    name = _text(cells[column])
    if not name:
        raise DataError(f"{where}: the column '{table.header[column]}' is empty")
    if any(character in name for character in "\t\r\n"):
        raise DataError(f"{where}: {name!r} in the column '{table.header[column]}' holds a tab or the end of a line, and names do not")
    return name


def _text(value: object) -> str:
    """A cell as text; whole numbers as such, since a column with gaps comes as fractions."""
    if value is None or value != value:  # not a number
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
