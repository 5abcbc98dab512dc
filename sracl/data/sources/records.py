"""Files with one object a line: JSON, or the Python literals in which Amazon's older metadata was written."""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

from sracl.data.sources.columns import as_number, value_column
from sracl.data.sources.lines import lines
from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sracl.data.sources.columns import Columns


def head_keys(head: str) -> frozenset[str]:
    """The keys of the object on a file's first line; none if there is no object."""
    try:
        return frozenset(record(head, ""))
    except DataError:
        return frozenset()


def records(path: Path, *, only: Callable[[str], bool] = bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a file with its place, `file:line`.

    Args:
        path: The file; blank lines are passed over.
        only: Of a line, whether it is worth reading: most of a large file may not be.

    Raises:
        DataError: A line is neither JSON nor a Python literal, or no object.
    """
    for number, line in lines(path):
        if line and only(line):
            where = f"{path}:{number}"
            yield where, record(line, where)


def record(line: str, where: str) -> dict[str, Any]:
    """The object on one line. Literals are parsed and never evaluated, so that a line can run no code.

    Raises:
        DataError: There is none.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(line)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            raise DataError(f"{where}: is neither JSON nor a Python literal: {line[:80]!r}") from None
    if not isinstance(found, dict):
        raise DataError(f"{where}: should be an object, got {line[:80]!r}")
    return found


def value_of(found: dict[str, Any], columns: Columns, where: str) -> float | None:
    """What decides whether an interaction counts; None where all count.

    Raises:
        DataError: The object has nothing under that key, or no number.
    """
    keys = tuple(found)
    place = value_column(keys, columns, where)
    return None if place is None else as_number(found[keys[place]], keys[place], where)


def field(found: dict[str, Any], key: str, where: str) -> str:
    """A field that names something.

    Raises:
        DataError: It is missing, empty or no text.
    """
    value = found.get(key)
    if not isinstance(value, str) or not value:
        raise DataError(f"{where}: `{key}` should be a name, got {value!r}")
    return value
