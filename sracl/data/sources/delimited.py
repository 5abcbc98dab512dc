"""Tables as text: CSV and its kin, with a header that names the columns."""

from __future__ import annotations

import csv
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

_SEPARATORS = ",\t;|"


class Delimited:
    """Cells parted by commas, tabs, semicolons or bars, whichever the header has most of; quoted as CSV is."""

    title = "a CSV or TSV table with a header"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the columns its header names."""
        return table.role(_header(head), columns)

    def events(self, path: Path, columns: Columns) -> Events:
        """Interactions of a table with users and items."""
        return table.events(_table(path), columns)

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """Texts of a table with items: title, brand, categories and description; other columns are not read."""
        return table.texts(_table(path), columns, wanted)


def _separator(head: str) -> str:
    return max(_SEPARATORS, key=head.count)


def _header(head: str) -> tuple[str, ...]:
    try:
        return tuple(name.strip() for name in next(csv.reader([head], delimiter=_separator(head)), []))
    except csv.Error:  # no table: another kind of file, or lines that end as on old Macs
        return ()


def _table(path: Path) -> table.Table:
    head = first_line(path)
    return table.Table(path, _header(head), _rows(path, _separator(head), len(_header(head))))


def _rows(path: Path, separator: str, width: int) -> Iterator[tuple[int, Sequence[object]]]:
    reader = csv.reader((f"{line}\n" for _, line in lines(path)), delimiter=separator, strict=True)
    try:
        next(reader)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != width:
                raise DataError(f"{path}:{reader.line_num}: expected {width} cells, as in the header, got {len(cells)}: {cells!r:.80}")
            yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}:{reader.line_num}: cannot be read as a table ({error})") from None
