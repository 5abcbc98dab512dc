"""What SQLite has no type for, and how it is kept: JSON and moments as text, moments in UTC, NaN as NULL."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import Any

JSON_COLUMNS = frozenset({"leaky", "values", "origins", "environment", "report", "facts", "command", "resources", "worker"})
MOMENT_COLUMNS = frozenset({"heartbeat", "created", "started", "finished", "lease"})
NUMBER_COLUMNS = frozenset({"value"})
"""Columns by what is kept in them, the same in every table; all others come back as SQLite has them."""


def now() -> datetime:
    """The present, with its time zone."""
    return datetime.now(UTC)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: any mapping as a dict, any sequence or set as a list."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def canonical_cell(cell: Mapping[str, Any]) -> str:
    """A point of a recipe's matrix as places in recipes keep it."""
    return json.dumps(plain(cell), sort_keys=True, ensure_ascii=False)


def decoded(column: str, kept: Any) -> Any:
    """What a column holds, as frozen rows have it: a JSON list that is the whole value as a tuple, moments with their time zone."""
    if column in NUMBER_COLUMNS:
        return math.nan if kept is None else kept
    if kept is None:
        return None
    if column in JSON_COLUMNS:
        value = json.loads(kept)
        return tuple(value) if isinstance(value, list) else value
    if column in MOMENT_COLUMNS:
        return datetime.fromisoformat(kept).replace(tzinfo=UTC)
    return kept
