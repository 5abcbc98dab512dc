"""Multiplies a recipe out: variants × cells of the matrix × trials of the sweep, each a draft of its own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.errors import Problem, did_you_mean
from sracl.recipes import axes, problems, schema
from sracl.recipes.draft import Draft, Misplaced, Origin
from sracl.recipes.lines import Path, join_path
from sracl.recipes.settings import COMMAND_LINE, Setting, in_order, overlap, touched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sracl.recipes.axes import Axis


@dataclass(frozen=True)
class Case:
    """One variant in one cell of the matrix, at one point of the sweep."""

    variant: str
    """Empty if the recipe has none."""
    cell: Mapping[str, Any]
    draft: Draft


@dataclass
class _Change:
    """What a variant does to the recipe."""

    name: str
    extends: str | None = None
    settings: list[Setting] = field(default_factory=list)
    origins: dict[Path, Callable[[Path], Origin]] = field(default_factory=dict)
    unset: list[tuple[Path, Origin]] = field(default_factory=list)
    space: list[Axis] = field(default_factory=list)
    """What is drawn for it alone."""

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
    listed, wrong = axes.matrix(base)
    sweep, complaints = axes.sweep(base)
    drawn, unfit = axes.space(sweep.space, ("sweep", "space"), base) if sweep else ([], [])
    found += wrong + complaints + unfit + _clashes(changes, [*listed, *drawn])
    sets, wrong = _placed(sets, [*listed, *drawn, *(axis for change in changes for axis in change.space)], changes)
    found += wrong
    widest = len(drawn) + max((len(change.space) for change in changes), default=0)
    made = []
    for change in changes or [_Change("")]:
        varied = (bases[change.extends] if bases and change.extends else base).copy()
        found += _apply_variant(change, varied)
        own = [*drawn, *change.space]
        trials = axes.points(own, sweep, widest)
        if sweep is None and change.space:
            found.append(
                change.space[0].origin.problem(change.space[0].at, "Nothing is drawn without [sweep], which says how many trials.")
            )
        elif sweep is not None and not unfit:
            found += axes.too_few(own, sweep, trials, base.origin(("sweep", "trials")), change.name)
            if not (listed or own or sweep.trials):
                what = "There is nothing to choose among: [sweep.space] with trials gives points, and so does [matrix]."
                found.append(base.origin(("sweep",)).problem(("sweep",), what))
        for cell in axes.cells(listed, own, trials):
            draft = varied.copy()
            for axis, value in cell:
                text = "--set" if axis.origin is COMMAND_LINE else f"[{'.'.join(axis.at[:-1])}]"
                found += _put(draft, axis.path, value, _same(dataclasses.replace(axis.origin, text=text)))
            for setting in in_order(sets):
                found += _put(draft, setting.path, setting.value, _same(COMMAND_LINE))
            made.append(Case(change.name, {join_path(axis.path): value for axis, value in cell}, draft))
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
            path, wrong_path = axes.path_of(text, base, at)
            found += wrong_path
            change.unset += [(path, base.origin(at))] if path else []
        for text, value in model.set.items():
            at = (*here, "set", text)
            path, wrong_path = axes.path_of(text, base, at)
            found += wrong_path
            if path:
                change.settings.append(Setting(path, value))
                change.origins[path] = _in_variant(base, model.name, at, path)
        change.space, wrong_space = axes.space(model.space, (*here, "space"), base)
        found += wrong_space
    return list(changes.values()), found


def _clashes(changes: Sequence[_Change], shared: Sequence[Axis]) -> list[Problem]:
    """Values that two parts of the recipe both decide."""
    found = axes.clashes(shared)
    for axis in shared:
        decided = axis.decided()
        found += [
            axis.origin.problem(axis.at, f"Variant '{change.name}' sets {join_path(path)} as well; only one of them can.")
            for change in changes
            for path in dict.fromkeys(change.paths())
            if any(overlap(path, inner) for inner in decided)
        ]
    for change in changes:
        found += [problem for problem in axes.clashes([*shared, *change.space]) if problem not in found]
        found += [
            axis.origin.problem(axis.at, f"The variant sets {join_path(path)} as well; only one of them can.")
            for axis in change.space
            for path in dict.fromkeys(change.paths())
            if any(overlap(path, inner) for inner in axis.decided())
        ]
    return found


def _placed(sets: Sequence[Setting], varied: Sequence[Axis], changes: Sequence[_Change]) -> tuple[list[Setting], list[Problem]]:
    """Give the values of the command line to the axes they replace; return the others."""
    rest = []
    found = []
    for setting in sets:
        is_placed, clashes = axes.place(setting, varied)
        decided = touched(setting.path, setting.value)
        names = [change.name for change in changes if any(overlap(one, other) for one in decided for other in change.paths())]
        if names and not is_placed:
            who = f"Variant '{names[0]}' sets" if len(names) == 1 else f"Variants {', '.join(repr(name) for name in names)} set"
            clashes.append(COMMAND_LINE.problem(setting.path, f"{who} this; change it in the recipe, or in one that extends it."))
        found += clashes
        rest += [] if clashes or is_placed else [setting]
    return rest, found


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


def _same(origin: Origin) -> Callable[[Path], Origin]:
    return lambda _: origin


def _in_variant(base: Draft, name: str, at: Path, path: Path) -> Callable[[Path], Origin]:
    """Origins of what a variant sets: its name, and the line in its table."""

    def origin(inner: Path) -> Origin:
        place = base.origin((*at, *inner[len(path) :]))
        return dataclasses.replace(place, text=f"variant {name}")

    return origin
