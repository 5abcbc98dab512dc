"""`"${vars.k}"`: a string that stands for a variable's value, of whatever type."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sracl.errors import Problem, did_you_mean
from sracl.recipes.draft import Draft, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.recipes.lines import Path

REFERENCE = r"\$\{\s*vars\.([A-Za-z0-9_-]+)\s*\}"
"""What the whole of such a string matches; the group is the variable's name."""

_WHOLE = re.compile(REFERENCE)


def names(value: Any) -> Iterator[str]:
    """Variables that a value refers to, directly."""
    if isinstance(value, str) and (match := _WHOLE.fullmatch(value)):
        yield match.group(1)
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from names(inner)


def resolve(draft: Draft) -> tuple[set[Path], list[Problem]]:
    """Replace every reference in a draft by what it stands for.

    Returns:
        The paths whose references stand for nothing, and the problem of each.
    """
    resolver = _Resolver(draft)
    resolver.run()
    return resolver.failed, resolver.problems


class _Resolver:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        variables = draft.get(("vars",))
        self.variables: dict[str, Any] = variables if isinstance(variables, dict) else {}
        self.problems: list[Problem] = []
        self.failed: set[Path] = set()

    def run(self) -> None:
        for key, value in self.draft.values.items():
            if key not in ("vars", "variant", "matrix", "sweep"):
                self.draft.values[key] = self._value((key,), value, ())

    def _value(self, path: Path, value: Any, within: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: self._value((*path, key), inner, within) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._value((*path, str(number)), inner, within) for number, inner in enumerate(value)]
        return self._text(path, value, within) if isinstance(value, str) and "${" in value else value

    def _text(self, path: Path, text: str, within: tuple[str, ...]) -> Any:
        match = _WHOLE.fullmatch(text)
        if match is None:
            self._report(path, f'A reference is a whole string of the form "${{vars.name}}", got "{text}".')
            return text
        name = match.group(1)
        if name not in self.variables:
            known = list(self.variables)
            self._report(path, f"There is no variable '{name}'.{did_you_mean(name, known)} [vars] has: {', '.join(known) or 'none'}.")
            return text
        if name in within:
            ring = " -> ".join([*within[within.index(name) :], name])
            self.failed.add(path)
            self._report(("vars", within[-1]), f"Variables refer to one another in a ring: {ring}.")
            return text
        if not within:
            self._annotate(path, name)
        return self._value(path, self.variables[name], (*within, name))

    def _annotate(self, path: Path, name: str) -> None:
        """Let the origin of a value say where the variable's stands."""
        used, defined = self.draft.origin(path), self.draft.origin(("vars", name))
        self.draft.origins[path] = Origin(f"{used.text}, vars.{name} of {defined.text}", used.file, used.line, defined.folder)

    def _report(self, path: Path, what: str) -> None:
        self.failed.add(path)
        problem = self.draft.origin(path).problem(path, what)
        if problem not in self.problems:
            self.problems.append(problem)
