"""What stands beside a row: its baseline, and what others have published."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sracl.compare import published
from sracl.compare.board import Beside, Row
from sracl.compare.rows import flat_values
from sracl.registry.wording import set_to

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sracl.compare.published import PublishedTable
    from sracl.tracking.queries import RunRow


def published_tables(reports: Mapping[str, Mapping[str, Any]], names: Collection[str]) -> tuple[list[PublishedTable], list[str]]:
    """The published figures that recipes want beside theirs, and what is wrong with any."""
    return published.tables(card for name in sorted(names) for card in reports.get(name, {}).get("published", ()))


def asked_for(tables: Sequence[PublishedTable], reports: Mapping[str, Mapping[str, Any]], row: Row) -> list[PublishedTable]:
    """Those that the recipe of a row wants."""
    return [table for table in tables if table.name in reports.get(row.recipe, {}).get("published", ())]


def beside_baseline(row: Row, rows: Sequence[Row], name: str | None, *, whatever_cell: bool) -> Row:
    """The row with its difference to the baseline of the same recipe and cell, or to the only one there is elsewhere.

    Of several that differ in a value, to the one with the row's own. With `whatever_cell`, where of each variant one cell is left,
    to that of the same recipe.
    """
    if name is None or row.is_called(name):
        return row
    named = [other for other in rows if other.is_called(name)]
    own = [other for other in named if other.recipe == row.recipe]
    candidates = [other for other in own if whatever_cell or other.cell == row.cell] if own else named
    if len(candidates) > 1:
        candidates = [other for other in candidates if other.label.removeprefix(other.name) == row.label.removeprefix(row.name)]
    if len(candidates) != 1:
        return row
    base = candidates[0]
    shared = [metric for metric in row.figures if metric in base.figures]
    return replace(
        row, baseline=base.label, differences={metric: row.figures[metric].mean - base.figures[metric].mean for metric in shared}
    )


def unlike(rows: Sequence[Row], found: Mapping[str, RunRow]) -> list[str]:
    """Rows set beside a baseline that has other values where a recipe was edited: only one of the two may have been run again."""
    told = []
    for row in rows:
        base = next((other for other in rows if other.label == row.baseline and other.recipe == row.recipe), None)
        if base is None or not row.differing:
            continue
        own, theirs = (flat_values(dict(found[some.runs[-1]].values)) for some in (row, base))
        others = {path: theirs.get(path, "unset") for path in row.differing if theirs.get(path) != own.get(path)}
        if others:
            told.append(f"{row.label} is set beside {base.label}, which has {' '.join(set_to(others))}")
    return told


def beside_published(row: Row, dataset: str, facts: Mapping[str, Any], tables: Sequence[PublishedTable]) -> Row:
    """The row with what its own system has in each table, on its data set and under its protocol."""
    beside = []
    for table in tables:
        printed = table.row(row.name, dataset) if not table.differences(facts) else None
        values = {metric: value for metric, value in printed.values.items() if metric in row.figures} if printed else {}
        if values:
            differences = {metric: row.figures[metric].mean - value for metric, value in values.items()}
            beside.append(Beside(table.name, title_of(table, tables), values, differences))
    return replace(row, published=tuple(beside))


def title_of(table: PublishedTable, tables: Sequence[PublishedTable]) -> str:
    """What rows call a table: its title, or its name where another has the same title."""
    return table.title if sum(other.title == table.title for other in tables) == 1 else table.name
