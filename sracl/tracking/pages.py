"""Runs as a list shows them, a page at a time: what is found, in which order, and how many there are is left to SQLite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from sracl.tracking.lines import WATCHED
from sracl.tracking.queries import RunLine, in_full, in_recipe, shown_runs
from sracl.tracking.rows import among, equals, where
from sracl.tracking.tags import tagged

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping, Sequence

    from sracl.tracking.identity import State
    from sracl.tracking.reader import Reader
    from sracl.tracking.rows import Condition

Order: TypeAlias = Literal["number", "id", "marked", "state", "recipe", "dataset", "seed", "epoch", "best"]
"""What runs are sorted by: `number` is the order in which they were registered, `best` the highest value of the watched metric."""

_PLACE = "(SELECT entry.{} FROM entry WHERE entry.run_id = run.id ORDER BY entry.number DESC LIMIT 1)"
_KEPT, _watched = WATCHED
_SORTED_BY: Mapping[str, Sequence[str]] = {
    "number": ["run.number"],
    "id": ["run.id"],
    "recipe": [f"coalesce({_PLACE.format('recipe')}, run.label)", _PLACE.format("variant")],
    "dataset": ["run.dataset"],
    "seed": ["run.seed"],
    "epoch": ["run.epoch"],
    "best": [f"(SELECT max(point.value) FROM point WHERE point.run_id = run.id AND point.name = watched({_KEPT}))"],
}


@dataclass(frozen=True)
class Page:
    """A part of a list of runs."""

    lines: Sequence[RunLine]
    first: int
    """Place of the first of them in the whole list, from 0."""
    counts: Mapping[State, int]
    """Runs in each state, of the whole list."""

    @property
    def total(self) -> int:
        """Length of the whole list."""
        return sum(self.counts.values())


def page(
    store: Reader,
    *,
    size: int,
    first: int = 0,
    order: Order = "number",
    descending: bool = True,
    state: State | None = None,
    recipe: str | None = None,
    dataset: str | None = None,
    tags: Collection[str] = (),
    marked: Collection[str] = (),
) -> Page:
    """Runs, sorted; what has no value stands last, and among equals the one registered last first.

    Args:
        store: Where to look.
        size: At most so many.
        first: Place of the first one; the last page, where the list is shorter than that.
        order: What to sort by.
        descending: The greatest first.
        state: Only runs shown in this state.
        recipe: Only runs with a place in this recipe.
        dataset: Only runs on this data set.
        tags: Only runs that have all of these tags.
        marked: Ids of the runs that sorting by `marked` puts together.
    """
    with store.reading() as view:
        view.create_function("watched", 1, _watched, deterministic=True)
        shown, running = _shown(view)
        conditions = [equals("run.dataset", dataset), in_recipe(recipe), *(tagged(view, tag) for tag in tags)]
        if state is not None:
            conditions.append((f"{shown} = ?", [*running, state]))
        clause, values = where(*conditions)
        counts = dict(view.execute(f"SELECT {shown}, count(*) FROM run {clause} GROUP BY 1", [*running, *values]))
        first = min(first, max(0, sum(counts.values()) - 1) // size * size)
        ranks, ranked = _ranks(order, descending=descending, shown=(shown, running), marked=marked)
        ids = [
            run_id
            for (run_id,) in view.execute(
                f"SELECT run.id FROM run {clause} ORDER BY {ranks}, run.number DESC LIMIT ? OFFSET ?", [*values, *ranked, size, first]
            )
        ]
        found = {line.id: line for line in in_full(view, list(shown_runs(view, RunLine, among("run.id", ids))))}
    return Page([found[run_id] for run_id in ids], first, counts)


def _shown(view: sqlite3.Connection) -> Condition:
    """The state that runs are shown in: as written, but for those that a process should be training, which are looked at."""
    looked_at = [(run.id, run.state) for run in shown_runs(view, RunLine, among("run.state", ["running"])) if run.state != "running"]
    if not looked_at:
        return "run.state", []
    return f"CASE run.id {'WHEN ? THEN ? ' * len(looked_at)}ELSE run.state END", [part for found in looked_at for part in found]


def _ranks(order: Order, *, descending: bool, shown: Condition, marked: Collection[str]) -> Condition:
    if order == "state":
        expressions, values = [shown[0]], shown[1]
    elif order == "marked":
        is_marked, values = among("run.id", marked)
        expressions = [f"({is_marked})"]
    else:
        expressions, values = list(_SORTED_BY[order]), []
    way = "DESC" if descending else "ASC"
    return ", ".join(f"{expression} {way} NULLS LAST" for expression in expressions), values
