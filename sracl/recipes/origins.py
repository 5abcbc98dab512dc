"""Where each value of a run came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sracl.recipes.lines import Path, join_path
from sracl.recipes.schema import keyed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sracl.recipes.draft import Draft


def origins(draft: Draft, values: Mapping[str, Any]) -> dict[str, str]:
    """Path of each value of a run, objectives and the like by id -> where it was written, or what it is a default of.

    Args:
        draft: What was written.
        values: The complete values.
    """
    found = {}
    for path, value in leaves(values):
        if value == {}:
            continue
        written = draft.origins.get(path)
        by_name = path[-1] == "use" and isinstance(draft.get(path[:-1]), str)  # a component without a table
        if by_name or (path[-1] == "id" and keyed(path[:-2])):
            written = draft.origins.get(path[:-1])
        found[join_path(path)] = written.text if written else _default(values, path)
    return found


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is no table, with its path; tables that have ids by these."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value):
            name = inner["id"] if keyed(path) else str(number)
            yield from leaves(inner, (*path, name))
    elif path:
        yield path, value


def _default(values: Mapping[str, Any], path: Path) -> str:
    """What a value is a default of: the component it is a parameter of, or the table."""
    if path[0] == "data":
        return f"default of {values['data']['name']}"
    if len(path) == 1 or path[-1] == "use" or (path[-1] == "weight" and keyed(path[:-2])):
        return "default"
    holder = _walk(values, path[:-1])
    inside = holder.get("use") if isinstance(holder, dict) else None
    return f"default of {inside or join_path(path[:-1])}"


def _walk(values: Any, path: Path) -> Any:
    """The table at a path of complete values."""
    for key in path:
        if isinstance(values, list):
            values = next((entry for number, entry in enumerate(values) if key in (entry.get("id"), str(number))), None)
        else:
            values = values.get(key)
    return values
