"""RecBole's atomic files: `.inter` with interactions and `.item` with what is known of items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.data.sources import table
from sracl.data.sources.lines import first_line, lines
from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.events import Events
    from sracl.data.sources.form import Role
    from sracl.interfaces import ItemText

_TYPES = ("token", "token_seq", "float", "float_seq")
_WORDS = ("token", "token_seq")


class RecBole:
    """Tab-separated, with a header of `field:type`.

    Tokens of `.item` that are no title, brand, category or description become attributes.

    Source: RecBole's documentation, "Atomic Files".
    """

    title = "RecBole atomic files (.inter, .item)"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the header's types: nothing else has them."""
        fields = _fields(head)
        return None if fields is None else table.role([name for name, _ in fields], columns)

    def events(self, path: Path, columns: Columns) -> Events:
        """Interactions of an `.inter` file."""
        return table.events(_table(path, columns), columns)

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """Texts of an `.item` file."""
        return table.texts(_table(path, columns), columns, wanted)


def _fields(head: str) -> list[tuple[str, str]] | None:
    """Names and types in a header; None if it is no RecBole header."""
    fields = [tuple(field.strip().rpartition(":")[::2]) for field in head.split("\t")]
    return [(name, kind) for name, kind in fields] if all(name and kind in _TYPES for name, kind in fields) else None


def _table(path: Path, columns: Columns) -> table.Table:
    fields = _fields(first_line(path, columns.encoding))
    assert fields is not None  # by its role
    header = tuple(name for name, _ in fields)
    return table.Table(
        path, header, _rows(path, len(header), columns.encoding), tuple(i for i, (_, kind) in enumerate(fields) if kind in _WORDS)
    )


def _rows(path: Path, width: int, encoding: str) -> Iterator[tuple[int, Sequence[object]]]:
    for number, line in lines(path, encoding):
        cells = line.split("\t")
        if number == 1 or not line:
            continue
        if len(cells) != width:
            raise DataError(
                f"{path}:{number}: expected {width} fields separated by tabs, as in the header, got {len(cells)}: {line[:80]!r}"
            )
        yield number, cells
