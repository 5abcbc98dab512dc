"""Which column of a table holds what: told by the user, or known by its name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

USER = ("user_id", "user", "userid", "uid", "reviewerid", "customer_id", "session_id")
ITEM = ("item_id", "item", "itemid", "iid", "asin", "product_id", "business_id", "movie_id", "movieid")
TIME = ("timestamp", "time", "datetime", "date", "unixreviewtime")
TITLE = ("title", "name", "item_name", "movie_title", "product_name")
BRAND = ("brand",)
CATEGORIES = ("categories", "category", "genres", "genre", "class")
DESCRIPTION = ("description",)


@dataclass(frozen=True)
class Columns:
    """What the user said of tables: names of columns, of which None leaves one to be known by its name, and how they are written."""

    user: str | None = None
    item: str | None = None
    time: str | None = None
    header: tuple[str, ...] | None = None
    """Columns of the interactions, in the order of a file that has no header; one that is not read may be ''."""
    items_header: tuple[str, ...] | None = None
    """The same of the items."""
    value: str | None = None
    """What interactions have a number under that decides whether they count, such as `rating`; None where all count."""
    encoding: str = "UTF-8"
    """Of CSV, TSV and atomic files."""


def find(header: Sequence[str], known: Sequence[str]) -> int | None:
    """The column with the first of these names, in whatever case of letters; None if there is none."""
    lowered = [name.casefold() for name in header]
    return next((lowered.index(name) for name in known if name in lowered), None)


def user_column(header: Sequence[str], columns: Columns) -> int | None:
    """The column of users, if the table has one."""
    return find(header, USER) if columns.user is None else _named(header, columns.user)


def item_column(header: Sequence[str], columns: Columns) -> int | None:
    """The column of items: as named, or as known where this table has none of that name (two tables may call it differently)."""
    named = None if columns.item is None else _named(header, columns.item)
    return find(header, ITEM) if named is None else named


def time_column(header: Sequence[str], columns: Columns, where: str) -> int | None:
    """The column of times, if the table has one.

    Raises:
        DataError: The user named one that is not there.
    """
    if columns.time is None:
        return find(header, TIME)
    named = _named(header, columns.time)
    if named is None:
        raise DataError(f"{where}: there is no column '{columns.time}'.{did_you_mean(columns.time, header)} Columns: {', '.join(header)}")
    return named


def value_column(header: Sequence[str], columns: Columns, where: str) -> int | None:
    """The column of what decides whether an interaction counts, in whatever case of letters; None where all count.

    Raises:
        DataError: The one that was named is not there.
    """
    if columns.value is None:
        return None
    found = find(header, (columns.value.casefold(),))
    if found is None:
        near = did_you_mean(columns.value, header)
        raise DataError(f"{where}: there is no '{columns.value}' that could be at least so much.{near} There are: {', '.join(header)}")
    return found


def as_number(value: object, name: str, where: str) -> float:
    """What stands under a column that decides whether an interaction counts.

    Raises:
        DataError: It is no finite number; the message begins with `where`.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{where}: '{name}' should be a number, got {str(value)[:80]!r}")
    return found


def _named(header: Sequence[str], name: str) -> int | None:
    return header.index(name) if name in header else None
