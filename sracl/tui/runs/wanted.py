"""What the filter of runs understands."""

from __future__ import annotations

from typing import Any, get_args

from sracl.errors import UsageError, did_you_mean
from sracl.tracking.identity import State

_FILTERS = {"state": "state", "recipe": "recipe", "data": "dataset", "tag": "tags"}
"""Word -> argument of `pages.page`."""


def wanted(text: str) -> dict[str, Any]:
    """What a filter asks of `pages.page`.

    Raises:
        UsageError: A word has no `name:` in front that can be filtered by, or names a state that there is not.
    """
    found: dict[str, Any] = {}
    for word in text.split():
        name, _, value = word.partition(":")
        if name not in _FILTERS or not value:
            raise UsageError(f"'{word}' is no filter. Write {', '.join(f'{known}:VALUE' for known in _FILTERS)}.")
        if name == "state" and value not in get_args(State):
            raise UsageError(f"No run is ever '{value}'.{did_you_mean(value, get_args(State))} States: {', '.join(get_args(State))}.")
        if name == "tag":
            found["tags"] = (*found.get("tags", ()), value)
        else:
            found[_FILTERS[name]] = value
    return found
