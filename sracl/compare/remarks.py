"""What is said below the tables of a leaderboard: what its rows leave out, mix or cannot be set beside."""

from __future__ import annotations

import operator
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sracl.compare.board import Row
    from sracl.compare.published import PublishedTable
    from sracl.tracking.artifacts import Neighbours
    from sracl.tracking.queries import EntryRow, RunRow

_Told = TypeVar("_Told")


def ambiguities(rows: Sequence[Row], bases: Mapping[str, str | None]) -> list[str]:
    """Baselines that rows are not set beside, since several rows have the name."""
    told = []
    for name in dict.fromkeys(filter(None, bases.values())):
        named = [row.label for row in rows if row.is_called(name)]
        alone = [row.label for row in rows if row.baseline is None and bases.get(row.recipe) == name and not row.is_called(name)]
        if len(named) > 1 and alone:
            which = ", ".join(f"'{label}'" for label in named)
            told.append(f"{', '.join(alone)}: set beside no baseline, since '{name}' names several rows. --baseline takes one of {which}")
    return told


def leaks(rows: Sequence[Row]) -> list[str]:
    """Rows whose runs saw more than training data."""
    return [f"{row.label} is leaky, it sees more than training data: {', '.join(row.leaky)}" for row in rows if row.leaky]


def mixtures(rows: Sequence[Row], found: Mapping[str, RunRow], made: Mapping[str, Mapping[str, Neighbours]]) -> list[str]:
    """Rows whose seeds were trained with different code, texts or neighbours, though their values are the same: these only name them.

    Neighbours that were asked for in different words are no difference where they are known to be the same.
    """
    told = []
    for row in rows:
        code = [{name: found[run_id].environment.get(name) for name in ("sracl", "code")} for run_id in row.runs]
        if apart := _apart(row.seeds, code, operator.eq):
            told.append(f"{row.label} averages seeds that were trained by different code, as sracl diff tells: {apart}")
        if apart := _apart(row.seeds, [made.get(run_id, {}) for run_id in row.runs], _same_neighbours):
            told.append(f"{row.label} averages seeds whose texts or neighbours were made by other words, files or versions: {apart}")
    return told


def absences(tables: Sequence[PublishedTable], dataset: str, facts: Mapping[str, Any]) -> list[str]:
    """Why a published table that was asked for is not shown."""
    told = []
    for table in tables:
        if dataset not in table.datasets:
            told.append(f"{table.name} has no figures for {dataset}, only for {', '.join(table.datasets)}")
        elif differences := table.differences(facts):
            told.append(f"{table.name} is not comparable: {', '.join(differences)}")
    return told


def strangers(tables: Sequence[PublishedTable], dataset: str, facts: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> list[str]:
    """Published tables that know none of the rows whose recipes ask for them.

    Args:
        tables: All that are asked for.
        dataset: Of the block.
        facts: Of its protocol.
        names: Table -> what those rows are called.
    """
    told = []
    for table in tables:
        asking = dict.fromkeys(names.get(table.name, ()))
        if not asking or dataset not in table.datasets or table.differences(facts) or any(table.row(name, dataset) for name in asking):
            continue
        near = {name: table.nearest(name, dataset) for name in asking}
        which = ", ".join(f"{name} (nearest: {found})" if found else name for name, found in near.items())
        told.append(f"{table.name} has no row called {which}; for {dataset} it has {', '.join(table.systems(dataset))}")
    return told


def unfinished(places: Sequence[EntryRow], found: Mapping[str, RunRow]) -> list[str]:
    """How many runs are not in any table, and why."""
    ids = {place.run_id for place in places}
    states = Counter(found[run_id].state for run_id in ids if found[run_id].state != "completed")
    if not states:
        return []
    counted = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if states.total() == len(ids):
        return [f"No run finished: {counted}."]
    return [f"{states.total()} of {len(ids)} runs {'is' if states.total() == 1 else 'are'} not in it: {counted}"]


def _same_neighbours(one: Mapping[str, Neighbours], other: Mapping[str, Neighbours]) -> bool:
    return one.keys() == other.keys() and all(table.are_those(other[of]) for of, table in one.items())


def _apart(seeds: Sequence[int], told: Sequence[_Told], alike: Callable[[_Told, _Told], bool]) -> str:
    """Seeds of which the like is told, each of one other seed at least, as `1; 2, 3`; empty where it is of all."""
    groups: list[list[int]] = []
    for place in range(len(seeds)):
        joined = [group for group in groups if any(alike(told[place], told[other]) for other in group)]
        rest = [group for group in groups if group not in joined]
        groups = sorted([*rest, sorted([place, *(other for group in joined for other in group)])])
    return "; ".join(", ".join(str(seeds[place]) for place in group) for group in groups) if len(groups) > 1 else ""
