"""What a recipe varies beside its variants: the values of `[matrix]`, and what `[sweep]` draws."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.recipes import problems
from sracl.recipes.lines import Path, join_path, split_path
from sracl.recipes.settings import COMMAND_LINE, Setting, overlap, touched, why_not_settable
from sracl.recipes.sweep import Range, Sweep, draw
from sracl.registry.wording import in_toml
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sracl.errors import Problem
    from sracl.recipes.draft import Draft, Origin


@dataclass
class Axis:
    """What one path is given."""

    path: Path
    values: list[Any]
    """Of a range its ends."""
    origin: Origin
    at: Path
    """Where the recipe says it."""
    range: Range | None = None
    """Numbers to draw from, if that is what the recipe gives."""

    @property
    def table(self) -> str:
        """The table that gives its values, as messages call it."""
        return "the matrix" if self.at[0] == "matrix" else "the sweep"

    def decided(self) -> list[Path]:
        """Every path that one of its values decides."""
        return [inner for value in self.values for inner in touched(self.path, value)]

    def replace(self, value: Any) -> None:
        """Take what the command line gives instead: a list is the axis, unless the axis is one of lists."""
        of_lists = any(isinstance(entry, list) for entry in self.values)
        is_axis = isinstance(value, list) and (not of_lists or all(isinstance(entry, list) for entry in value))
        self.values, self.origin, self.range = list(value) if is_axis else [value], COMMAND_LINE, None


def matrix(base: Draft) -> tuple[list[Axis], list[Problem]]:
    """The axes of `[matrix]`."""
    table = base.get(("matrix",))
    if table is None:
        return [], []
    if not isinstance(table, dict):
        return [], [base.origin(("matrix",)).problem(("matrix",), f"Should be a table of lists, got {in_toml(table)}.")]
    return _listed(table, ("matrix",), base)


def sweep(base: Draft) -> tuple[Sweep | None, list[Problem]]:
    """The table `[sweep]`, if there is one."""
    table = base.get(("sweep",))
    if table is None:
        return None, []
    if not isinstance(table, dict):
        return None, [base.origin(("sweep",)).problem(("sweep",), f"Should be a table, got {in_toml(table)}.")]
    model, wrong = problems.check(Sweep, table, ("sweep",))
    return model, [base.origin(path).problem(path, what) for path, what in wrong]


def space(table: Mapping[str, Any], at: Path, base: Draft) -> tuple[list[Axis], list[Problem]]:
    """The axes of a space to draw from: ranges, or lists of values.

    Args:
        table: Path -> what is drawn for it.
        at: Where the table stands.
        base: The recipe that has it.
    """
    axes: list[Axis] = []
    found: list[Problem] = []
    for text, value in table.items():
        read, wrong = _ranged(text, value, at, base) if isinstance(value, dict) else _listed({text: value}, at, base)
        axes += read
        found += wrong
    return axes, found


def _ranged(text: str, table: Mapping[str, Any], at: Path, base: Draft) -> tuple[list[Axis], list[Problem]]:
    """An axis that is a range."""
    here = (*at, text)
    path, found = path_of(text, base, here)
    model, wrong = problems.check(Range, table, here)
    if model and (what := model.complaint()):
        wrong.append((here, what))
    found += [base.origin(place).problem(place, what) for place, what in wrong]
    return [Axis(path, [model.low, model.high], base.origin(here), here, model)] if path and model and not wrong else [], found


def _listed(table: Mapping[str, Any], at: Path, base: Draft) -> tuple[list[Axis], list[Problem]]:
    """Axes that are lists of values."""
    axes: list[Axis] = []
    found: list[Problem] = []
    for text, values in table.items():
        here = (*at, text)
        path, wrong = path_of(text, base, here)
        found += wrong
        if not isinstance(values, list) or not values:
            accepted = "a list of values" if at == ("matrix",) else "a list of values or a range, { low = …, high = … }"
            found.append(base.origin(here).problem(here, f"Should be {accepted}, got {in_toml(values)}."))
        elif any(value in values[:number] for number, value in enumerate(values)):
            found.append(base.origin(here).problem(here, f"Lists a value twice: {in_toml(values)}."))
        elif path:
            axes.append(Axis(path, list(values), base.origin(here), here))
    return axes, found


def path_of(text: str, base: Draft, at: Path) -> tuple[Path | None, list[Problem]]:
    """A path as written in a variant, the matrix or a space."""
    path = split_path(text)
    origin = base.origin(at)
    if path is None:
        return None, [origin.problem(at, f"Should be a path such as objective.cross.weight, got {in_toml(text)}.")]
    why = why_not_settable(path, base)
    return (None, [origin.problem(at, why)]) if why else (path, [])


def clashes(axes: Sequence[Axis]) -> list[Problem]:
    """Axes that both decide a value."""
    return [
        axis.origin.problem(axis.at, f"The axis {join_path(other.path)} sets the same; only one of them can.")
        for number, axis in enumerate(axes)
        for other in axes[:number]
        if overlap(axis.path, other.path)
    ]


def place(setting: Setting, axes: Sequence[Axis]) -> tuple[bool, list[Problem]]:
    """Give a value of the command line to the axis that it replaces.

    Returns:
        Whether there is such an axis; and what is wrong, also where axes decide some of what it does.
    """
    mine = [axis for axis in axes if axis.path == setting.path]  # one, but for spaces of several variants
    if mine and setting.value == []:
        what = f"{mine[0].table.capitalize()} lists values for this path; at least one is needed."
        return True, [COMMAND_LINE.problem(setting.path, what)]
    for axis in mine:
        axis.replace(setting.value)
    if mine:
        return True, []
    decided = touched(setting.path, setting.value)
    told = {
        f"{axis.table.capitalize()} decides {join_path(axis.path)}; set that path itself, to a value or a list.": None
        for axis in axes
        if any(overlap(axis.path, path) for path in decided)
    }
    return False, [COMMAND_LINE.problem(setting.path, what) for what in told]


def points(drawn: Sequence[Axis], sweep: Sweep | None, widest: int) -> list[tuple[Any, ...]]:
    """What is drawn of some axes, a value of each: the trials of a variant; none where nothing is drawn.

    Args:
        drawn: Axes of the space, those that all variants share first.
        sweep: How much is drawn.
        widest: How many axes the variant has of which most are drawn.
    """
    if sweep is None or sweep.trials is None or not drawn:
        return []
    return draw([axis.range or axis.values for axis in drawn], sweep.trials, sweep.seed, axes=widest)


def cells(listed: Sequence[Axis], drawn: Sequence[Axis], trials: Sequence[tuple[Any, ...]]) -> Iterator[list[tuple[Axis, Any]]]:
    """Every combination of what is listed, at every point that is drawn: each axis with its value.

    Args:
        listed: Axes of the matrix.
        drawn: Axes of the space.
        trials: Its points; none where nothing is drawn.
    """
    for cell in itertools.product(*(axis.values for axis in listed)):
        for point in trials or [()]:
            yield list(zip((*listed, *(drawn if trials else ())), (*cell, *point), strict=True))


def too_few(drawn: Sequence[Axis], sweep: Sweep, trials: Sequence[tuple[Any, ...]], origin: Origin, variant: str) -> list[Problem]:
    """Trials without points for them, and axes without trials."""
    what = ""
    if sweep.trials is None:
        what = "Missing. It is how many points of the space every variant is tried at." if drawn else ""
    elif not drawn:
        what = "Are drawn from a space, and there is none: [sweep.space] gives paths their ranges or values."
    elif len(trials) < sweep.trials:
        of_variant = f" of variant '{variant}'" if variant else ""
        what = f"The space{of_variant} has {how_many(len(trials), 'point')}, and {sweep.trials} are asked for."
    return [origin.problem(("sweep", "trials"), what)] if what else []
