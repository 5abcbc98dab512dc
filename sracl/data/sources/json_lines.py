"""One JSON object a line, with the keys of sracl's own items.jsonl or of others' that mean the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.data.folder import text_of
from sracl.data.sources import columns as names
from sracl.data.sources import table
from sracl.data.sources.events import Events
from sracl.data.sources.records import head_keys, records, value_of
from sracl.data.sources.times import seconds
from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.events import Row
    from sracl.data.sources.form import Role
    from sracl.interfaces import ItemText

_TEXTS = {"title": names.TITLE, "brand": names.BRAND, "categories": names.CATEGORIES, "description": names.DESCRIPTION}


class JsonLines:
    """Objects whose keys are named as the columns of a table are; texts are read as those of items.jsonl."""

    title = "JSON lines, an object each with the keys of a table or of items.jsonl"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the keys of its first object."""
        return table.role(sorted(head_keys(head)), columns)

    def events(self, path: Path, columns: Columns) -> Events:
        """Who chose what, with times if the first object has one; then all must, and otherwise none may."""
        return Events.of(_rows(path, columns))

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """What the objects say of the items wanted; of an item with several the first counts."""
        found: dict[str, ItemText] = {}
        for where, record in records(path):
            keys = tuple(record)
            name = _name(record, names.item_column(keys, columns), "item", where)
            if name in wanted and name not in found:
                places = {field: names.find(keys, known) for field, known in _TEXTS.items()}
                said = {field: record[keys[place]] for field, place in places.items() if place is not None}
                found[name] = text_of({**said, "attributes": record.get("attributes")}, where)
        return found


def _rows(path: Path, columns: Columns) -> Iterator[Row]:
    is_timed: bool | None = None
    for where, record in records(path):
        keys = tuple(record)
        if is_timed is None:
            is_timed = names.time_column(keys, columns, str(path)) is not None
        time = names.find(keys, (columns.time.casefold(),) if columns.time else names.TIME)
        if time is not None and not is_timed:  # the order of the file would decide which items test, and times are there
            raise DataError(f"{where}: has a time, `{keys[time]}`, and the objects before have none; all need one, or none")
        yield (
            _name(record, names.user_column(keys, columns), "user", where),
            _name(record, names.item_column(keys, columns), "item", where),
            seconds(None if time is None else record[keys[time]], where) if is_timed else None,
            value_of(record, columns, where),
        )


def _name(record: dict[str, Any], place: int | None, of: str, where: str) -> str:
    """Names may be numbers, as in the interactions they would be."""
    value = None if place is None else record[tuple(record)[place]]
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DataError(f"{where}: the key that names the {of} should hold a name, got {value!r}")
    return str(value)
