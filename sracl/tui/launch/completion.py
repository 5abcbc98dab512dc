"""Completion of `path=value`: paths of a recipe, and what may stand there where that can be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.suggester import Suggester

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.tui.launch.fields import Field


class Completion(Suggester):
    """Completes one setting."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.fields: Mapping[str, Field] = {}
        """Path -> what it accepts."""

    async def get_suggestion(self, value: str) -> str | None:
        """The first path, or choice after the `=`, that begins like this; the `=` after a whole path."""
        path, equals, begun = value.partition("=")
        if not path:
            return None
        if not equals:
            return f"{path}=" if path in self.fields else next((known for known in self.fields if known.startswith(path)), None)
        field = at(self.fields, path)
        found = next((choice for choice in field.choices if choice.startswith(begun) and choice != begun), None) if field else None
        return f"{path}={found}" if found else None


def at(fields: Mapping[str, Field], path: str) -> Field | None:
    """The field at a path; for the path of a component, which one it is."""
    return fields.get(path) or fields.get(f"{path}.use")
