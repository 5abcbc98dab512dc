"""Tables as text: CSV and its kin, with a header that names the columns, or with columns that the user names."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.data.sources import table
from sracl.data.sources.lines import first_line, lines
from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.events import Events
    from sracl.data.sources.form import Role
    from sracl.interfaces import ItemText

_SEPARATORS = (",", "\t", ";", "|", "::")
_SUREST_FIRST = ("::", "\t", ",", ";", "|")
"""Those that stand in texts last: MovieLens has bars between genres."""


@dataclass(frozen=True)
class Delimited:
    """Cells parted by commas, tabs, semicolons, bars or `::`.

    With a header, by whichever it has most of; without one, by the first that gives as many cells as columns are named.
    Cells are quoted as CSV's are, except between `::`.
    """

    header: tuple[str, ...] | None = None
    """The columns of a file without a header; None reads its first line as one."""

    @property
    def title(self) -> str:
        """A table, and where its columns are named."""
        return f"a table without a header, of {', '.join(filter(None, self.header))}" if self.header else "a CSV or TSV table with a header"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the columns its header names."""
        return table.role(self.header or _header(head), columns)

    def events(self, path: Path, columns: Columns) -> Events:
        """Interactions of a table with users and items."""
        return table.events(self._table(path, columns), columns)

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """Texts of a table with items: title, brand, categories and description; other columns are not read."""
        return table.texts(self._table(path, columns), columns, wanted)

    def _table(self, path: Path, columns: Columns) -> table.Table:
        head = first_line(path, columns.encoding)
        if self.header is None:
            header, separator = _header(head), _separator(head)
        else:
            header, separator = self.header, parted(head, len(self.header))
        return table.Table(path, header, _rows(path, separator, len(header), columns.encoding, skip=self.header is None))


def parted(head: str, width: int) -> str:
    """What parts the first line of a file without a header into this many cells; if nothing does, what stands in it most often."""
    return next((separator for separator in _SUREST_FIRST if len(cells(head, separator)) == width), _separator(head))


def cells(head: str, separator: str) -> tuple[str, ...]:
    """The cells of a first line, without spaces around them; none if it cannot be one of a table."""
    try:
        return tuple(cell.strip() for cell in next(_reader([head], separator), []))
    except csv.Error:  # another kind of file, or lines that end as on old Macs
        return ()


def _separator(head: str) -> str:
    return max(_SEPARATORS, key=head.count)


def _header(head: str) -> tuple[str, ...]:
    return cells(head, _separator(head))


def _reader(rows: Iterable[str], separator: str, *, strict: bool = False) -> Iterator[list[str]]:
    if len(separator) == 1:
        return csv.reader(rows, delimiter=separator, strict=strict)
    return (row.rstrip("\n").split(separator) if row.strip() else [] for row in rows)


def _rows(path: Path, separator: str, width: int, encoding: str, *, skip: bool) -> Iterator[tuple[int, Sequence[object]]]:
    number = 0

    def counted() -> Iterator[str]:
        nonlocal number
        for at, line in lines(path, encoding):
            number = at
            yield f"{line}\n"

    reader = _reader(counted(), separator, strict=True)
    where = "as in the header" if skip else "as columns are named"
    try:
        if skip:
            next(reader)
        for row in reader:
            if not row:
                continue
            if len(row) != width:
                raise DataError(f"{path}:{number}: expected {width} cells, {where}, got {len(row)}: {row!r:.80}")
            yield number, row
    except csv.Error as error:
        raise DataError(f"{path}:{number}: cannot be read as a table ({error})") from None
