"""One item, or one user's sequence, with its neighbours, as the screen shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sracl.tui.neighbours.substitution import substituted
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from sracl.runs.exhibit import Exhibit, Item
    from sracl.runs.exhibit import Sequence as Shown

_BAR = 10


def of_item(exhibit: Exhibit, number: int) -> Group:
    """Its text, and its neighbours with their texts and cosines."""
    item = exhibit.items([number])[number]
    near = item.neighbours or ()
    others = exhibit.items([other for other, _ in near])
    table = _table("cosine", "", "neighbour")
    for other, cosine in near:
        table.add_row(Text(f"{cosine:.3f}"), Text(bar(cosine)), _described(others[other].title, others[other].text))
    return Group(_heading(f"{item.title}  ({item.name})"), Text(item.text), Text(), table if near else Text("It has no neighbour."))


def of_sequence(exhibit: Exhibit, number: int, draw: int) -> Group:
    """Its items and text, the retrieved sequences with cosines and weights, and what substitution number `draw` makes of it."""
    row = exhibit.sequence(number)
    named = exhibit.items({*row.items, *(item for near in row.neighbours or () for item in near.items)})
    parts: list[RenderableType] = [
        _heading(f"{row.name}: last training sequence, {how_many(len(row.items), 'item')}"),
        Text(row.text),
        Text(),
    ]
    parts += [*_retrieved(exhibit, row, named), Text(), *_substitution(exhibit, row, named, draw)]
    return Group(*parts)


def bar(share: float) -> str:
    """A share of 1 as a bar of letters that every terminal has; what is below 0 is empty."""
    return "=" * round(max(0.0, min(1.0, share)) * _BAR)


def _retrieved(exhibit: Exhibit, row: Shown, named: Mapping[int, Item]) -> list[RenderableType]:
    if row.neighbours is None:
        return [Text("This run looks for no neighbours of sequences.")]
    by = exhibit.facts.get("weighed_by")
    table = _table("cosine", "", *(("weight", "") if by else ()), "retrieved sequence")
    for near in row.neighbours:
        weight = [] if near.weight is None else [Text(f"{near.weight:.3f}"), Text(bar(near.weight))]
        titles = " > ".join(named[item].title for item in near.items)
        table.add_row(Text(f"{near.similarity:.3f}"), Text(bar(near.similarity)), *weight, _described(f"{near.name}: {titles}", near.text))
    told = f"Weights are those of the trained synthesizer '{by}'." if by else "This run weighs no neighbours."
    return [table, Text(told, style="italic")]


def _substitution(exhibit: Exhibit, row: Shown, named: Mapping[int, Item], draw: int) -> list[RenderableType]:
    rule = exhibit.facts.get("substitution")
    if rule is None:
        items = ", ".join(named[item].title for item in row.items)
        return [Text(f"Items: {items}"), Text("This run replaces no items by their neighbours.", style="italic")]
    near = {item: [other for other, _ in named[item].neighbours or ()] for item in row.items}
    new = substituted(row.items, near, ratio=rule["ratio"], count=rule["count"], seed=draw)
    titles = {**named, **exhibit.items(set(new))}
    table = _table("", "sequence", "", f"substituted, draw {draw}")
    for place, (before, after) in enumerate(zip(row.items, new, strict=True), start=1):
        changed = before != after
        table.add_row(
            Text(str(place)), Text(titles[before].title), Text("->" if changed else ""), Text(titles[after].title if changed else "same")
        )
    count = sum(before != after for before, after in zip(row.items, new, strict=True))
    told = f"{count} of {len(new)} replaced; ratio {rule['ratio']}, {rule['count']}. r draws again."
    return [table, Text(told, style="italic")]


def _heading(text: str) -> Text:
    return Text(text, style="bold")


def _described(name: str, text: str) -> Text:
    return Text.assemble((name, "bold"), f"\n{text}" if text else "")


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for header in headers:
        table.add_column(header, overflow="fold", vertical="top", no_wrap=header in ("cosine", "weight"))
    return table
