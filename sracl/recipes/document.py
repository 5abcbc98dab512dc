"""One recipe file: what it says, and on which line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.errors import Problem, RecipeError
from sracl.recipes import problems, schema
from sracl.recipes.draft import Origin
from sracl.recipes.lines import Path, join_path, key_lines, split_path
from sracl.recipes.sweep import is_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_EXAMPLES = {"objective": "cross", "view": "pair", "stage": "pretrain", "phase": "encoder"}


@dataclass(frozen=True)
class Document:
    """One recipe file as written, objectives keyed by id and matrix paths in one key each."""

    file: File
    shown: str
    """How messages call the file."""
    values: Mapping[str, Any]
    lines: Mapping[Path, int]

    def origin(self, path: Path) -> Origin:
        """Where a value, or the nearest table around it, stands."""
        line = next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 1)
        return Origin(f"{self.shown}:{line}", self.shown, line, self.file.parent)


def read(file: File) -> Document:
    """Read one file.

    Raises:
        RecipeError: It cannot be read, or is no TOML.
    """
    called = shown(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        values = tomllib.loads(text)
    except OSError as error:
        raise RecipeError(called, [Problem("file", f"Cannot be read: {error.strerror}.", called)]) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RecipeError(called, [Problem("text", "Not UTF-8, as TOML has to be.", called, line)]) from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(called, [_not_toml(str(error), text, called)]) from error
    return Document(file, called, values, key_lines(text.replace("\r\n", "\n")))


def _not_toml(message: str, text: str, shown: str) -> Problem:
    """A syntax error, with the line that it stands on."""
    reason, _, place = message.partition(" (at ")
    numbers = [int(number) for number in re.findall(r"\d+", place)]
    rows = text.splitlines() or [""]
    line = min(numbers[0], len(rows)) if numbers else len(rows)
    hint = " Text needs quotes." if reason == "Invalid value" else ""
    return Problem(
        f"not TOML: {reason}", f"{rows[line - 1].strip()}{f'   <- column {numbers[1]}.' if len(numbers) > 1 else ''}{hint}", shown, line
    )


def shown(file: File) -> str:
    """A short name for a file: from the shipped recipes, from the current folder, or in full."""
    resolved = file.resolve()
    for base, prefix in ((paths.shipped("recipes").resolve(), "recipes/"), (File.cwd().resolve(), "")):
        if resolved.is_relative_to(base):
            return f"{prefix}{resolved.relative_to(base).as_posix()}"
    return file.as_posix()


def normal(document: Document) -> tuple[Document, list[Problem]]:
    """The document with its tables that have ids keyed by them, and every axis of matrix and sweep under one dotted key."""
    values, lines = dict(document.values), dict(document.lines)
    found: list[Problem] = []
    _key(values, (), lines, document.shown, found)
    if isinstance(values.get("matrix"), dict):
        values["matrix"] = _by_axis(document, lines, ("matrix",), values["matrix"], found)
    if isinstance(sweep := values.get("sweep"), dict) and isinstance(sweep.get("space"), dict):
        values["sweep"] = {**sweep, "space": _by_axis(document, lines, ("sweep", "space"), sweep["space"], found)}
    if isinstance(variants := values.get("variant"), list):
        values["variant"] = [
            {**variant, "space": _by_axis(document, lines, ("variant", str(number), "space"), variant["space"], found)}
            if isinstance(variant, dict) and isinstance(variant.get("space"), dict)
            else variant
            for number, variant in enumerate(variants)
        ]
    return Document(document.file, document.shown, values, lines), found


def _key(table: dict[str, Any], at: Path, lines: dict[Path, int], shown: str, found: list[Problem]) -> None:
    """Key every list of tables with ids that a table holds, at any depth."""
    for name in list(table):
        path = (*at, name)
        if schema.keyed(path):
            if isinstance(table[name], list):
                table[name] = _by_id(table[name], path, lines, shown, found)
            else:
                here = Origin(shown, shown, lines.get(path, 1))
                found.append(here.problem(path, f"Should be a list of tables, each under [[{join_path(path)}]]."))
                del table[name]
                continue
        if isinstance(table[name], dict) and path[0] in schema.RUN_TABLES:
            table[name] = dict(table[name])
            _key(table[name], path, lines, shown, found)


def _by_id(entries: Sequence[Any], at: Path, lines: dict[Path, int], shown: str, found: list[Problem]) -> dict[str, Any]:
    """Tables by their id; those without one cannot be kept. Lines known by number become known by id."""
    tables: dict[str, Any] = {}
    renamed: dict[Path, int] = {}
    for number, entry in enumerate(entries):
        here = (*at, str(number))
        name = entry.get("id") if isinstance(entry, dict) else None
        origin = Origin(shown, shown, next((lines[place] for place in ((*here, "id"), here, at) if place in lines), 1))
        model, wrong = problems.check(schema.Identified, {"id": name} if name is not None else {}, ())
        if model is None or name is None:
            what = wrong[0][1] if name is not None else f'Missing. An id, such as id = "{_EXAMPLES[at[-1]]}", makes its values addressable.'
            found.append(origin.problem((*here, "id"), what))
        elif name in tables:
            what = f"Two {at[-1]}s are called '{name}'; the other stands on line {renamed.get((*at, name), 1)}."
            found.append(origin.problem((*here, "id"), what))
        else:
            tables[name] = {key: value for key, value in entry.items() if key != "id"}
            renamed |= {(*at, name, *path[len(here) :]): line for path, line in lines.items() if path[: len(here)] == here}
    lines |= renamed
    return tables


def _by_axis(document: Document, lines: dict[Path, int], top: Path, table: Mapping[str, Any], found: list[Problem]) -> dict[str, Any]:
    """What a table gives each axis."""
    axes = _axes(document, lines, top, table)
    for axis in [axis for axis, times in Counter(axis for axis, _ in axes).items() if times > 1]:
        origin = Origin(document.shown, document.shown, lines.get((*top, axis), 1))
        found.append(origin.problem((*top, axis), "Is given twice; with quotes and without them it is one path."))
    return dict(axes)


def _axes(document: Document, lines: dict[Path, int], top: Path, table: Mapping[str, Any], keys: Path = ()) -> list[tuple[str, Any]]:
    """Axes of a table, whether their dotted paths were quoted or not.

    Args:
        document: In which it stands.
        lines: To which the line of every axis is added, and those of its values.
        top: Where the table stands.
        table: It, or one within it.
        keys: What leads from the one to the other.
    """
    axes: list[tuple[str, Any]] = []
    for key, value in table.items():
        within = (*keys, key)
        if isinstance(value, dict) and value and not is_range(value):
            axes += _axes(document, lines, top, value, within)
            continue
        parts = [split_path(written) for written in within]
        axis = ".".join(within if None in parts else [join_path(part) for part in parts if part])
        path = (*top, *within)
        lines |= {(*top, axis, *known[len(path) :]): line for known, line in document.lines.items() if known[: len(path)] == path}
        axes.append((axis, value))
    return axes
