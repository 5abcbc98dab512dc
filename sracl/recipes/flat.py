"""Nested values as a table of paths, the way `--set` addresses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Paths and values of nested tables, as `--set` would address them; lists of tables go by their ids."""
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(inner, Mapping) for inner in value):
            for index, inner in enumerate(value):
                rest = {name: part for name, part in inner.items() if name != "id"}
                yield from flat(rest, f"{path}.{inner.get('id', index)}.")
        else:
            yield path, value


def origin(origins: Mapping[str, str], path: str) -> str:
    """Where a value, or the nearest table around it, was set; empty where nothing tells."""
    while path:
        if path in origins:
            return origins[path]
        path = path.rpartition(".")[0]
    return ""
