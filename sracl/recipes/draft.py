"""A recipe under construction: nested tables in which every value remembers where it came from.

Lists of tables with ids, such as `[[objective]]`, are held as tables keyed by id, so that merging, addressing and removing
are the same everywhere. Other lists are values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl.errors import Problem, did_you_mean
from sracl.recipes.lines import Path, join_path
from sracl.recipes.schema import RUN_TABLES, keyed, may_be_component
from sracl.registry.wording import in_toml

if TYPE_CHECKING:
    from pathlib import Path as File


@dataclass(frozen=True)
class Origin:
    """Where a value was written."""

    text: str
    """As shown beside the value: a file and line, "variant X", "--set"."""
    file: str | None = None
    line: int | None = None
    folder: File | None = None
    """Of that file: from where a path that was written there is taken. None: from the current folder."""

    def problem(self, path: Path, what: str) -> Problem:
        """Something wrong with the value that was written here."""
        return Problem(join_path(path), what, self.file, self.line)


class Misplaced(Exception):
    """A path that leads nowhere; the message says how far it went.

    Args:
        what: The message.
        path: Of the entry that is missing, where it lies within the table that was to be merged.
    """

    def __init__(self, what: str, path: Path | None = None) -> None:
        super().__init__(what)
        self.path = path


@dataclass
class Draft:
    """Values and their origins."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path, Origin] = field(default_factory=dict)
    home: Origin = field(default_factory=lambda: Origin("the recipe"))
    """Where to look for what was written nowhere."""

    def copy(self) -> Draft:
        """A draft of its own; origins are immutable and shared."""
        return Draft(deepcopy(self.values), dict(self.origins), self.home)

    def get(self, path: Path) -> Any:
        """The value at a path, or None."""
        value: Any = self.values
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def origin(self, path: Path) -> Origin:
        """Where the value was written, or the nearest table around it, or the recipe."""
        return next((self.origins[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.origins), self.home)

    def merge(self, path: Path, value: Any, origin: Callable[[Path], Origin]) -> None:
        """Put a value at a path: tables merge by key, anything else is replaced.

        A table whose `use` differs from the one that stands there replaces it whole, and so does a changed `use` alone.

        Args:
            path: Where to.
            value: What.
            origin: The origin of a path at or below the one given.

        Raises:
            Misplaced: The path leads through something that is no table, or to an objective (view, stage) that does not exist.
        """
        if keyed(path):
            if not isinstance(value, dict):
                known = ", ".join(join_path((*path, name)) for name in self.get(path) or {})
                raise Misplaced(f"{path[-1].capitalize()}s are addressed by id: {known or 'there are none'}.")
            for name, table in value.items():
                self.merge((*path, name), table, origin)
            return
        if (required := keyed(path[:-1])) and not isinstance(value, dict):
            raise Misplaced(f"{_one(path[-2]).capitalize()} is a table, {{ {required} = …, … }}.")
        if path[-1] == "use" and len(path) > 1 and path[0] in RUN_TABLES:
            path, value = path[:-1], {"use": value}
        if isinstance(value, dict):
            self._merge_table(path, value, origin)
        else:
            self._parent(path, value, origin)[path[-1]] = deepcopy(value)
            self._forget(path)
            self._note(path, value, origin)

    def remove(self, path: Path) -> None:
        """Take a value away.

        Raises:
            Misplaced: There is none.
        """
        holder = self.get(path[:-1])
        if not isinstance(holder, dict) or path[-1] not in holder:
            known = {join_path(known): None for known in self.paths()}
            raise Misplaced(f"There is nothing of that name to leave out.{did_you_mean(join_path(path), known)}")
        del holder[path[-1]]
        self._forget(path)

    def paths(self) -> Iterator[Path]:
        """Every table and value that is set."""

        def below(path: Path, value: Any) -> Iterator[Path]:
            if path:
                yield path
            if isinstance(value, dict):
                for key, inner in value.items():
                    yield from below((*path, key), inner)

        return below((), self.values)

    def elsewhere(self, key: str) -> str:
        """A sentence naming the value of a run that is called so and stands deeper; empty if there is none."""
        found = [path for path in self.paths() if path[-1] == key and path[0] in RUN_TABLES and len(path) > 1]
        return f" Did you mean '{join_path(found[0])}'?" if found else ""

    def _merge_table(self, path: Path, table: Mapping[str, Any], origin: Callable[[Path], Origin]) -> None:
        holder = self._parent(path, table, origin)
        here = self._opened(holder, path)
        if not isinstance(here, dict) or (_names_another(table, here) and path[0] in RUN_TABLES):
            self._forget(path)
            here = holder[path[-1]] = {}
        self.origins.setdefault(path, origin(path))
        # lists with ids last: an entry that is refused should not keep the rest of the table out
        for key, value in sorted(table.items(), key=lambda entry: keyed((*path, entry[0])) is not None):
            if key == "use" and path[0] in RUN_TABLES:
                here[key] = value
                self._forget((*path, key))
                self._note((*path, key), value, origin)
            else:
                self.merge((*path, key), value, origin)

    def _parent(self, path: Path, value: Any, origin: Callable[[Path], Origin]) -> dict[str, Any]:
        """The table that holds a path, made where there is none yet."""
        table = self.values
        for end in range(1, len(path)):
            at = path[:end]
            here = self._opened(table, at)
            if here is None and keyed(at[:-1]):
                raise self._absent(at)
            if here is None:
                here = table[at[-1]] = {}
                self.origins[at] = origin(at)
            if isinstance(here, list):
                whole = _changed(here, path[end:], value)
                raise Misplaced(f"{join_path(at)} is a list, and a list is set whole, as in {join_path(at)}={in_toml(whole)}.")
            if not isinstance(here, dict):
                raise Misplaced(f"{join_path(at)} is no table, so nothing can be set in it.")
            table = here
        required = keyed(path[:-1])
        if required and path[-1] not in table and not (isinstance(value, Mapping) and required in value):
            raise self._absent(path)
        return table

    def _opened(self, table: dict[str, Any], path: Path) -> Any:
        """What stands at the end of a path; a component given by name alone is written out as a table first."""
        here = table.get(path[-1])
        if isinstance(here, str) and may_be_component(path):
            named = self.origins.get(path)
            here = table[path[-1]] = {"use": here}
            if named is not None:
                self.origins[*path, "use"] = named
        return here

    def _absent(self, path: Path) -> Misplaced:
        """Why nothing can be set in an entry that a list of tables does not have."""
        known = list(self.get(path[:-1]) or {})
        near = did_you_mean(path[-1], known)
        there = f"There are: {', '.join(known) or 'none'}. A new one needs `{keyed(path[:-1])}`."
        return Misplaced(f"There is no {path[-2]} '{path[-1]}'.{near} {there}", path)

    def _note(self, path: Path, value: Any, origin: Callable[[Path], Origin]) -> None:
        """Remember the origin of a value and of everything in it."""
        self.origins[path] = origin(path)
        entries = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
        for key, inner in entries:
            self._note((*path, str(key)), inner, origin)

    def _forget(self, path: Path) -> None:
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]


def _changed(entries: list[Any], below: Path, value: Any) -> list[Any]:
    """The list with what was asked for, where that leads into one of its entries; else as it is."""
    changed = deepcopy(entries)
    inner: Any = changed
    *above, last = (int(key) if key.isdecimal() else key for key in below)
    try:
        for key in above:
            inner = inner[key]
        inner[last] = value
    except (LookupError, TypeError):
        return entries
    return changed


def _one(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _names_another(table: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a table names a component, and not the one of another table."""
    return "use" in table and table["use"] != other.get("use")
