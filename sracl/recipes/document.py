"""One recipe file: what it says, and on which line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path as File
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.errors import Problem, RecipeError
from sracl.recipes import problems, schema
from sracl.recipes.draft import Origin
from sracl.recipes.lines import Path, join_path, key_lines, split_path

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        return Origin(f"{self.shown}:{line}", self.shown, line)


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
    """The document with objectives keyed by id and every matrix axis under one dotted key."""
    values, lines = dict(document.values), dict(document.lines)
    found: list[Problem] = []
    if isinstance(values.get("objective"), list):
        values["objective"], found = _by_id(document, lines)
    elif "objective" in values:
        found.append(document.origin(("objective",)).problem(("objective",), "Should be a list of tables, each under [[objective]]."))
        del values["objective"]
    if isinstance(values.get("matrix"), dict):
        values["matrix"] = dict(_axes(document, lines, ("matrix",), values["matrix"]))
    return Document(document.file, document.shown, values, lines), found


def _by_id(document: Document, lines: dict[Path, int]) -> tuple[dict[str, Any], list[Problem]]:
    """Objectives by their id; those without one cannot be kept."""
    tables: dict[str, Any] = {}
    found = []
    for number, entry in enumerate(document.values["objective"]):
        here = ("objective", str(number))
        name = entry.get("id") if isinstance(entry, dict) else None
        model, wrong = problems.check(schema.ObjectiveSettings, {"id": name} if name is not None else {}, ())
        if model is None or name is None:
            what = wrong[0][1] if name is not None else 'Missing. An id, such as id = "cross", makes its values addressable.'
            found.append(document.origin((*here, "id")).problem((*here, "id"), what))
        elif name in tables:
            what = f"Two objectives are called '{name}'; the other stands on line {lines.get(('objective', name), 1)}."
            found.append(document.origin((*here, "id")).problem((*here, "id"), what))
        else:
            tables[name] = {key: value for key, value in entry.items() if key != "id"}
            lines |= {("objective", name, *path[2:]): line for path, line in document.lines.items() if path[:2] == here}
    return tables, found


def _axes(document: Document, lines: dict[Path, int], at: Path, table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Axes of a matrix, whether their dotted paths were quoted or not."""
    axes: list[tuple[str, Any]] = []
    for key, value in table.items():
        path = (*at, key)
        if isinstance(value, dict):
            axes += _axes(document, lines, path, value)
            continue
        parts = [split_path(written) for written in path[1:]]
        axis = ".".join(path[1:] if None in parts else [join_path(part) for part in parts if part])
        lines |= {("matrix", axis, *known[len(path) :]): line for known, line in document.lines.items() if known[: len(path)] == path}
        axes.append((axis, value))
    return axes
