"""What listings print: rows in columns for people, JSON for programs."""

from __future__ import annotations

import json
import math
from datetime import date, time
from typing import TYPE_CHECKING, Any

from sracl.plain import on_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence


def as_json(data: Any, errors: Sequence[str] = ()) -> str:
    """`{"schema": 1, "data": …, "errors": […]}`, where data is null of a command that failed.

    Null stands where a value is not a finite number; dates, as TOML has them, are texts.
    """
    listed = {"schema": 1, "data": _finite(data), "errors": list(errors)}
    return json.dumps(listed, indent=1, ensure_ascii=False, allow_nan=False, default=_dated)


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Columns as wide as their widest cell, each row one line: the first so many to the left, the others to the right."""
    from rich.cells import cell_len

    rows = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        blanks = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [cell + blank if place < left else blank + cell for place, (cell, blank) in enumerate(zip(row, blanks, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _dated(value: Any) -> str:
    if isinstance(value, (date, time)):
        return str(value)
    raise TypeError(f"JSON has no form for {value!r}")


def _finite(value: Any) -> Any:
    """The same, with null for what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
