"""Tables in Parquet files, where pyarrow is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.data.sources import table
from sracl.data.sources.lines import starts_with
from sracl.errors import DataError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from sracl.data.sources.columns import Columns
    from sracl.data.sources.events import Events
    from sracl.data.sources.form import Role
    from sracl.interfaces import ItemText

_MAGIC = b"PAR1"


class Parquet:
    """Columns as in a CSV table; categories may be lists."""

    title = "a Parquet table (needs pyarrow)"

    def role(self, path: Path, head: str, columns: Columns) -> Role | None:
        """By the columns its schema names.

        Raises:
            ResourceError: It is a Parquet file, and pyarrow is not installed.
            DataError: It is damaged.
        """
        return table.role(_opened(path).schema_arrow.names, columns) if starts_with(path, len(_MAGIC)) == _MAGIC else None

    def events(self, path: Path, columns: Columns) -> Events:
        """Interactions of a table with users and items."""
        return table.events(_table(path), columns)

    def texts(self, path: Path, columns: Columns, wanted: Collection[str]) -> dict[str, ItemText]:
        """Texts of a table with items: title, brand, categories and description; other columns are not read."""
        return table.texts(_table(path), columns, wanted)


def _opened(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ResourceError(f"{path} is a Parquet file, and reading it needs pyarrow: pip install pyarrow, or export it as CSV") from None
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({error})") from None


def _table(path: Path) -> table.Table:
    file = _opened(path)
    return table.Table(path, tuple(file.schema_arrow.names), _rows(path, file))


def _rows(path: Path, file: Any) -> Iterator[tuple[int, Sequence[object]]]:
    import pyarrow

    number = 0
    batches = file.iter_batches()
    while True:
        try:
            if (batch := next(batches, None)) is None:
                return
            columns = [_told(column).to_pylist() for column in batch.columns]
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as Parquet beyond row {number:,} ({error})") from None
        for cells in zip(*columns, strict=True):
            number += 1
            yield number, cells


def _told(column: Any) -> Any:
    """A column in types that Python has: bytes as text, and times to the microsecond."""
    import pyarrow

    kind = column.type
    if pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind):
        return column.cast(pyarrow.large_string())
    if pyarrow.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pyarrow.timestamp("us", kind.tz), safe=False)
    return column
