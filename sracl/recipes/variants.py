"""Multiplies a recipe out: variants × cells of the matrix, each a draft of its own."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.errors import Problem, did_you_mean
from sracl.recipes import problems, schema
from sracl.recipes.draft import Draft, Misplaced, Origin
from sracl.recipes.lines import Path, join_path, split_path
from sracl.recipes.settings import COMMAND_LINE, Setting, in_order, overlap, touched, why_not_settable
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Case:
    """One variant in one cell of the matrix."""

    variant: str
    """Empty if the recipe has none."""
    cell: Mapping[str, Any]
    draft: Draft


@dataclass
class Axis:
    """The values of one path."""

    path: Path
    values: list[Any]
    origin: Origin


@dataclass
class _Change:
    """What a variant does to the recipe."""

    name: str
    extends: str | None = None
    settings: list[Setting] = field(default_factory=list)
    origins: dict[Path, Callable[[Path], Origin]] = field(default_factory=dict)
    unset: list[tuple[Path, Origin]] = field(default_factory=list)

    def paths(self) -> Iterator[Path]:
        """Everything it decides."""
        yield from (path for path, _ in self.unset)
        for setting in self.settings:
            yield from touched(setting.path, setting.value)


def cases(base: Draft, sets: Sequence[Setting], bases: Mapping[str, Draft] | None = None) -> tuple[list[Case], list[Problem]]:
    """All variants in all cells, with the values of the command line.

    Args:
        base: The recipe with its parents.
        bases: The same on top of what variants extend, by what they call it.
        sets: Values for run tables and variables.

    Returns:
        Cases in the order of the file; and every problem, with which the cases are incomplete.
    """
    changes, found = _changes(base)
    axes, wrong = _axes(base)
    found += wrong + _clashes(changes, axes)
    sets, wrong = _placed(sets, axes, changes)
    found += wrong
    made = []
    for change in changes or [_Change("")]:
        varied = (bases[change.extends] if bases and change.extends else base).copy()
        found += _apply_variant(change, varied)
        for cell in itertools.product(*(axis.values for axis in axes)):
            draft = varied.copy()
            for axis, value in zip(axes, cell, strict=True):
                text = "--set" if axis.origin is COMMAND_LINE else "[matrix]"
                found += _put(draft, axis.path, value, _same(dataclasses.replace(axis.origin, text=text)))
            for setting in in_order(sets):
                found += _put(draft, setting.path, setting.value, _same(COMMAND_LINE))
            made.append(Case(change.name, {join_path(axis.path): value for axis, value in zip(axes, cell, strict=True)}, draft))
    return made, list(dict.fromkeys(found))


def _changes(base: Draft) -> tuple[list[_Change], list[Problem]]:
    """The `[[variant]]` tables."""
    tables = base.get(("variant",))
    if tables is None:
        return [], []
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return [], [base.origin(("variant",)).problem(("variant",), "Should be a list of tables, each under [[variant]].")]
    changes: dict[str, _Change] = {}
    found = []
    for number, table in enumerate(tables):
        here = ("variant", str(number))
        model, wrong = problems.check(schema.Variant, table, here)
        found += [base.origin(path).problem(path, what) for path, what in wrong]
        if model is None:
            continue
        if model.name in changes:
            found.append(base.origin((*here, "name")).problem((*here, "name"), f"Two variants are called '{model.name}'."))
        changes[model.name] = change = _Change(model.name, model.extends)
        for position, text in enumerate(model.unset):
            at = (*here, "unset", str(position))
            path, wrong_path = _path(text, base, at)
            found += wrong_path
            change.unset += [(path, base.origin(at))] if path else []
        for text, value in model.set.items():
            at = (*here, "set", text)
            path, wrong_path = _path(text, base, at)
            found += wrong_path
            if path:
                change.settings.append(Setting(path, value))
                change.origins[path] = _in_variant(base, model.name, at, path)
    return list(changes.values()), found


def _axes(base: Draft) -> tuple[list[Axis], list[Problem]]:
    """The axes of `[matrix]`."""
    table = base.get(("matrix",))
    if table is None:
        return [], []
    if not isinstance(table, dict):
        return [], [base.origin(("matrix",)).problem(("matrix",), f"Should be a table of lists, got {in_toml(table)}.")]
    axes = []
    found = []
    for text, values in table.items():
        at = ("matrix", text)
        path, wrong = _path(text, base, at)
        found += wrong
        if not isinstance(values, list) or not values:
            found.append(base.origin(at).problem(at, f"Should be a list of values, got {in_toml(values)}."))
        elif any(value in values[:number] for number, value in enumerate(values)):
            found.append(base.origin(at).problem(at, f"Lists a value twice: {in_toml(values)}."))
        elif path:
            axes.append(Axis(path, values, base.origin(at)))
    return axes, found


def _clashes(changes: Sequence[_Change], axes: Sequence[Axis]) -> list[Problem]:
    """Values that two parts of the recipe both decide."""
    found = []
    for number, axis in enumerate(axes):
        at = ("matrix", join_path(axis.path))
        decided = [inner for value in axis.values for inner in touched(axis.path, value)]
        found += [
            axis.origin.problem(at, f"Variant '{change.name}' sets {join_path(path)} as well; only one of them can.")
            for change in changes
            for path in dict.fromkeys(change.paths())
            if any(overlap(path, inner) for inner in decided)
        ]
        found += [
            axis.origin.problem(at, f"The axis {join_path(other.path)} sets the same; only one of them can.")
            for other in axes[:number]
            if overlap(axis.path, other.path)
        ]
    return found


def _placed(sets: Sequence[Setting], axes: list[Axis], changes: Sequence[_Change]) -> tuple[list[Setting], list[Problem]]:
    """Give the values of the command line to the axes they replace; return the others."""
    rest = []
    found = []
    for setting in sets:
        axis = next((axis for axis in axes if axis.path == setting.path), None)
        if axis is not None:
            axis.values, axis.origin = _listed(setting.value, axis.values), COMMAND_LINE
            if not axis.values:
                found.append(COMMAND_LINE.problem(setting.path, "The matrix lists values for this path; at least one is needed."))
            continue
        decided = touched(setting.path, setting.value)
        clashes = [
            f"The matrix decides {join_path(axis.path)}; set that path itself, to a value or a list."
            for axis in axes
            if any(overlap(axis.path, path) for path in decided)
        ]
        names = [change.name for change in changes if any(overlap(one, other) for one in decided for other in change.paths())]
        if names:
            who = f"Variant '{names[0]}' sets" if len(names) == 1 else f"Variants {', '.join(repr(name) for name in names)} set"
            clashes.append(f"{who} this; change it in the recipe, or in one that extends it.")
        found += [COMMAND_LINE.problem(setting.path, what) for what in clashes]
        rest += [] if clashes else [setting]
    return rest, found


def _listed(value: Any, listed: Sequence[Any]) -> list[Any]:
    """The axis that a value of the command line stands for: a list is the axis, unless the axis is one of lists."""
    of_lists = any(isinstance(entry, list) for entry in listed)
    is_axis = isinstance(value, list) and (not of_lists or all(isinstance(entry, list) for entry in value))
    return list(value) if is_axis else [value]


def _apply_variant(change: _Change, draft: Draft) -> list[Problem]:
    """Do to a draft what a variant says."""
    found = []
    for path, origin in change.unset:
        try:
            draft.remove(path)
        except Misplaced as error:
            found.append(origin.problem(path, str(error)))
    for setting in in_order(change.settings):
        found += _put(draft, setting.path, setting.value, change.origins[setting.path])
    return found


def _put(draft: Draft, path: Path, value: Any, origin: Callable[[Path], Origin]) -> list[Problem]:
    if path[0] == "vars" and draft.get(path[:2]) is None:
        known = list(draft.get(("vars",)) or {})
        what = (
            f"There is no such variable.{did_you_mean(path[1] if len(path) > 1 else '', known)} [vars] has: {', '.join(known) or 'none'}."
        )
        return [origin(path).problem(path, what)]
    try:
        draft.merge(path, value, origin)
    except Misplaced as error:
        return [origin(path).problem(path, str(error))]
    return []


def _path(text: str, base: Draft, at: Path) -> tuple[Path | None, list[Problem]]:
    """A path as written in a variant or the matrix."""
    path = split_path(text)
    origin = base.origin(at)
    if path is None:
        return None, [origin.problem(at, f"Should be a path such as objective.cross.weight, got {in_toml(text)}.")]
    why = why_not_settable(path, base)
    return (None, [origin.problem(at, why)]) if why else (path, [])


def _same(origin: Origin) -> Callable[[Path], Origin]:
    return lambda _: origin


def _in_variant(base: Draft, name: str, at: Path, path: Path) -> Callable[[Path], Origin]:
    """Origins of what a variant sets: its name, and the line in its table."""

    def origin(inner: Path) -> Origin:
        place = base.origin((*at, *inner[len(path) :]))
        return dataclasses.replace(place, text=f"variant {name}")

    return origin
