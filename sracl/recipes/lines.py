"""Which line of a TOML file each value stands on; `tomllib` does not say."""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Path: TypeAlias = tuple[str, ...]
"""Keys from the top of a document to a value; list positions are written as digits."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


def key_lines(text: str) -> dict[Path, int]:
    """Map each table, key and list element to its line, from 1.

    Args:
        text: A TOML document that `tomllib` accepts; on anything else the answer is undefined.
    """
    return _Scanner(text).scan()


def split_path(text: str) -> Path | None:
    """The keys of a dotted path in TOML's own writing, `report."x.y"`; None when it is not one."""
    keys: list[str] = []
    position = 0
    while True:
        part = _TEXT.match(text, position) or _BARE.match(text, position)
        if part is None:
            return None
        keys.append(_plain(part.group()))
        position = part.end()
        if position == len(text):
            return tuple(keys)
        if text[position] != ".":
            return None
        position += 1


def join_path(path: Path) -> str:
    """The dotted path as TOML writes it; the inverse of `split_path`."""
    return ".".join(key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in path)


def _plain(key: str) -> str:
    """A key without its quotes and escapes."""
    return str(tomllib.loads(f"value = {key}")["value"]) if key[0] in "\"'" else key


class _Scanner:
    """Walks a valid document once, noting where keys begin."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.breaks = [match.start() for match in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {}
        self.entries: dict[Path, int] = {}  # list of tables -> how many of its [[headers]] have been met

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._blank():
            if self._take("[["):
                table = self._header(is_list=True)
            elif self._take("["):
                table = self._header(is_list=False)
            else:
                self._pair(table)
        return self.lines

    def _blank(self) -> bool:
        """Skip white space and comments; whether anything is left."""
        match = _BLANK.match(self.text, self.position)
        self.position = match.end() if match else self.position
        return self.position < len(self.text)

    def _take(self, token: str) -> bool:
        found = self.text.startswith(token, self.position)
        self.position += len(token) if found else 0
        return found

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, bisect_right(self.breaks, self.position - 1) + 1)

    def _keys(self) -> Iterator[str]:
        """The parts of a dotted key."""
        while True:
            self._blank()
            part = _TEXT.match(self.text, self.position) or _BARE.match(self.text, self.position)
            if part is None:
                return
            self.position = part.end()
            yield _plain(part.group())
            self._blank()
            if not self._take("."):
                return

    def _header(self, *, is_list: bool) -> Path:
        keys = list(self._keys())
        path: Path = ()
        for number, key in enumerate(keys, 1):
            path += (key,)
            self._note(path)
            if is_list and number == len(keys):
                self.entries[path] = self.entries.get(path, 0) + 1
            if path in self.entries:
                path += (str(self.entries[path] - 1),)
                self._note(path)
        self._take("]]" if is_list else "]")
        return path

    def _pair(self, table: Path) -> None:
        path = table
        for key in self._keys():
            path += (key,)
            self._note(path)
        self._blank()
        if not self._take("="):
            raise ValueError(f"not TOML near character {self.position}")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._blank()
        if self._take("["):
            self._elements(path)
        elif self._take("{"):
            while self._blank() and not self._take("}"):
                self._pair(path)
                self._blank()
                self._take(",")
        else:
            match = _TEXT.match(self.text, self.position) or _SCALAR.match(self.text, self.position)
            self.position = match.end() if match else self.position

    def _elements(self, path: Path) -> None:
        number = 0
        while self._blank() and not self._take("]"):
            element = (*path, str(number))
            self._note(element)
            self._value(element)
            number += 1
            self._blank()
            self._take(",")
