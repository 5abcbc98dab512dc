"""What a user likes: theme and keys, in a file of theirs.

[tui]
theme = "textual-light"

[tui.keys]                # id of a binding = its keys
runs.mark = "space"
down = "j,down,ctrl+n"
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.errors import Problem, UsageError, did_you_mean
from sracl.recipes.flat import flat
from sracl.registry.wording import in_toml
from sracl.whole_file import write_whole
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DARK, LIGHT = "textual-dark", "textual-light"
_HEADER = re.compile(r"^\[tui\][^\n]*\n?", re.MULTILINE)
_THEME = re.compile(r"^theme[ \t]*=[^\n]*$", re.MULTILINE)


@dataclass(frozen=True)
class Settings:
    """Read from `file()`; what is not there is as below."""

    theme: str = DARK
    keys: Mapping[str, str] = field(default_factory=dict)
    """Id of a binding -> keys, with commas between them."""


def file() -> Path:
    """Where the settings are kept. Habits belong to a person, not to a project."""
    return paths.config() / "tui.toml"


def read() -> Settings:
    """The user's settings; those of a file that is not there are the usual ones.

    Raises:
        UsageError: The file is no TOML, or says something that is not understood; all of it is listed.
    """
    path = file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no valid TOML: {error}.") from error
    if found := _problems(written):
        listed = "\n".join(f"  {Problem(where, what)}" for where, what in found.items())
        raise UsageError(f"{path} has {how_many(len(found), 'problem')}:\n{listed}")
    table = written.get("tui", {})
    return Settings(theme=table.get("theme", DARK), keys=dict(flat(table.get("keys", {}))))


def keep_theme(theme: str) -> None:
    """Write the theme into the file, and leave all else in it as it stands.

    Raises:
        UsageError: It cannot be written, or the theme stands where it is not found by its line.
    """
    path = file()
    try:
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        after = _with_theme(before, f"theme = {in_toml(theme)}")
        if tomllib.loads(after).get("tui", {}).get("theme") != theme:
            raise UsageError(f"The theme could not be kept: write [tui] and theme = {in_toml(theme)} into {path} yourself.")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, lambda part: part.write_text(after, encoding="utf-8"))
    except (OSError, ValueError) as error:  # a broken file is a ValueError, too
        raise UsageError(f"The theme could not be kept in {path}: {error}.") from error


def _with_theme(text: str, line: str) -> str:
    text += "" if not text or text.endswith("\n") else "\n"
    header = _HEADER.search(text)
    if header is None:
        return f"{text}[tui]\n{line}\n"
    after = text.find("\n[", header.end() - 1)
    end = len(text) if after < 0 else after
    table = text[header.end() : end]
    table = _THEME.sub(lambda _: line, table, count=1) if _THEME.search(table) else f"{line}\n{table}"
    return f"{text[: header.end()]}{table}{text[end:]}"


def _problems(written: Mapping[str, Any]) -> dict[str, str]:
    """Where in the file -> what is wrong there."""
    found = {key: _unknown(key, ("tui",)) for key in written if key != "tui"}
    table = written.get("tui", {})
    if not isinstance(table, dict):
        return {**found, "tui": f"Should be a table, got {in_toml(table)}."}
    found |= {f"tui.{key}": _unknown(key, ("theme", "keys")) for key in table if key not in ("theme", "keys")}
    if "theme" in table and table["theme"] not in _themes():
        found["tui.theme"] = f"No theme is called {in_toml(table['theme'])}.{did_you_mean(str(table['theme']), _themes())} There are: " + (
            f"{', '.join(sorted(_themes()))}."
        )
    keys = table.get("keys", {})
    if not isinstance(keys, dict):
        return {**found, "tui.keys": f"Should be a table, got {in_toml(keys)}."}
    values = dict(flat(keys))
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    found |= {f"tui.keys.{name}": f"Should be a string, got {in_toml(values[name])}." for name in values.keys() - texts.keys()}
    if texts:
        from sracl.tui.keys import problems  # loads every screen

        found |= {f"tui.keys.{name}": what for name, what in problems(texts).items()}
    return found


def _themes() -> list[str]:
    from textual.theme import BUILTIN_THEMES

    return list(BUILTIN_THEMES)


def _unknown(key: str, known: tuple[str, ...]) -> str:
    return f"Nothing is called so here.{did_you_mean(key, known)} There is: {', '.join(known)}."
