"""Values given on the command line: `--set path=value`, the value written as in TOML, a bare word being a string."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.errors import Problem, did_you_mean
from sracl.recipes import schema
from sracl.recipes.draft import Draft, Origin
from sracl.recipes.lines import Path, split_path

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND_LINE = Origin("--set", "--set")

SETTABLE = (*schema.RUN_TABLES, "vars")
"""What variants, the matrix and the command line can set: the first key of a path."""


@dataclass(frozen=True)
class Setting:
    """A value for a path."""

    path: Path
    value: Any


def parse(texts: Sequence[str], *, option: str = "--set") -> tuple[list[Setting], list[Problem]]:
    """Read all values of a command line; what cannot be read is left out and reported, as of the option that gave it."""
    origin = Origin(option, option)
    settings: dict[Path, Setting] = {}
    problems = []
    for text in texts:
        written, equals, value = text.partition("=")
        path = split_path(written.strip())
        if not equals:
            problems.append(Problem(text, "Should be path=value, such as train.epochs=5.", option))
        elif path is None:
            problems.append(Problem(text, f"'{written}' is no path; one reads train.epochs or objective.cross.weight.", option))
        elif path in settings:
            problems.append(origin.problem(path, "Given twice."))
        else:
            try:
                settings[path] = Setting(path, _value(value.strip()))
            except ValueError as error:
                problems.append(origin.problem(path, str(error)))
    return list(settings.values()), problems


def in_order(settings: Sequence[Setting]) -> list[Setting]:
    """Outer before inner, and which component before its parameters, whatever the order they were given in."""
    return sorted(settings, key=lambda setting: len(reach(setting.path)))


def reach(path: Path) -> Path:
    """What a value at this path may replace: a changed `use` replaces the table it stands in."""
    return path[:-1] if path[-1] == "use" and len(path) > 1 else path


def touched(path: Path, value: Any) -> list[Path]:
    """The paths that a value decides: those of its entries where it is a table that merges, else its own."""
    if isinstance(value, dict) and value and "use" not in value:
        return [inner for key, entry in value.items() for inner in touched((*path, key), entry)]
    return [reach(path)]


def overlap(one: Path, other: Path) -> bool:
    """Whether a value at one path decides some of what a value at the other does."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def why_not_settable(path: Path, base: Draft) -> str | None:
    """Why a variant, the matrix or the command line cannot set a path; None when it can."""
    first = path[0]
    if first in SETTABLE:
        return None
    if first in schema.RECIPE_KEYS:
        return f"'{first}' belongs to the recipe and is no value of a run. A run has: {', '.join(SETTABLE)}."
    hint = (base.elsewhere(first) if len(path) == 1 else "") or did_you_mean(first, SETTABLE)
    return f"There is no table '{first}'.{hint} A run has: {', '.join(SETTABLE)}."


def _value(text: str) -> Any:
    """A TOML value, or the text itself if it is a bare word.

    Raises:
        ValueError: It begins as a string, list or table does, and does not end as one.
    """
    if not text:
        raise ValueError('No value; an empty string is written "".')
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError as error:
        if text[0] in "\"'[{":
            raise ValueError(f"{text} is not TOML: {str(error).partition(' (at')[0]}.") from error
        return text
    return read["value"] if len(read) == 1 else text
