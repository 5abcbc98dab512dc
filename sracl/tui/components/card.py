"""A card as the screen shows it: what `sracl show --json` says, folded to the width that there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import RenderableType

_APART = ("kind", "name", "summary", "doc", "symbols")


def card(data: Mapping[str, Any]) -> Group:
    """Summary, facts, tables such as the parameters, and what the docstring says besides."""
    facts = _grid()
    parts: list[RenderableType] = [Text(data["summary"], style="bold"), Text(), facts]
    for name, value in data.items():
        if name in _APART or value in (None, "", [], {}):
            continue
        if isinstance(value, list) and isinstance(value[0], Mapping):
            parts += [Text(), _table(name, value)]
        else:
            facts.add_row(Text(name), Text(_said(value)))
    if data.get("doc"):
        parts += [Text(), Text(data["doc"])]
    return Group(*parts)


def _table(name: str, rows: list[Mapping[str, Any]]) -> Table:
    """A row an entry: its first value, then the others that are there."""
    table = _grid(title=name)
    for row in rows:
        first, *others = [(key, value) for key, value in row.items() if value not in (None, "", [], {})]
        told = Text("\n").join(_line(key, value) for key, value in others)
        table.add_row(Text(_said(first[1]), style="bold"), told)
    return table


def _line(key: str, value: Any) -> Text:
    return Text.assemble((f"{key}: ", "dim"), _said(value))


def _said(value: Any) -> str:
    """A value in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return " ".join(str(value).split())


def _grid(title: str | None = None) -> Table:
    """Two columns without lines."""
    grid = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(overflow="fold", max_width=24)
    grid.add_column(overflow="fold")
    return grid
