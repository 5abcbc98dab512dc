"""What leaves a project in a file for others: no places on its machine, and nothing that opens a door."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sracl.jobs.surroundings import SECRET, USER_IN_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN = "***"
"""Stands where something was left out."""

_SECRET_NAME = re.compile(r"(^|_)(api_?key|key|token|secret|password|passwd|credentials?|auth)$", re.IGNORECASE)
"""A value called so is left out; `api_key_env`, which only names a variable, is not called so."""
_SECRET_IN_ADDRESS = re.compile(r"(?<=[?&])([^=&\s]*(?:key|token|secret|password|auth)[^=&\s]*)=[^&\s]*", re.IGNORECASE)
_PATH = re.compile(r"""(?:(?<=[\s=("'\[])|^)(?:~[^/\s]*)?/[^\s"':,;)\]]+""")
"""An absolute path within a text."""
_SHORTEST_SECRET = 8
"""Characters. What a variable holds is looked for in texts only if it is that long: `1` and `true` are everywhere."""


def discreet(project: Path) -> Callable[[Any], Any]:
    """What makes of a value, as JSON, one that may leave the project.

    Paths within the project become relative to it; of others the name is left, after six digits that keep apart what stood in
    different folders. What a variable of the environment holds that is called like a key, what a value holds that is called like
    one, and users and keys in addresses become `***`.

    Args:
        project: Its folder.
    """
    folder = str(project.resolve())
    secrets = [value for name, value in os.environ.items() if _holds_secret(name, value)]

    @functools.cache  # runs say the same things many times
    def text(value: str) -> str:
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        value = USER_IN_ADDRESS.sub(f"://{HIDDEN}@", value)
        value = _SECRET_IN_ADDRESS.sub(rf"\1={HIDDEN}", value)
        value = value.replace(f"{folder}/", "")
        if value.startswith(("/", "~/")):  # the whole of it is a path, which may have spaces
            path, colon, line = value.partition(":")
            return _elsewhere(path) + colon + line
        return _PATH.sub(lambda found: _elsewhere(found[0]), value)

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, Mapping):
            return {clean(key): HIDDEN if _is_secret(key, inner) else clean(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [clean(inner) for inner in value]
        return value

    return clean


def _holds_secret(name: str, value: str) -> bool:
    """A variable called like a key holds one; a folder, as in PWD, is none."""
    return bool(SECRET.search(name)) and len(value) >= _SHORTEST_SECRET and not value.startswith("/")


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and bool(_SECRET_NAME.search(name))


def _elsewhere(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2]
    return f"{hashlib.sha256(path.encode()).hexdigest()[:6]}/{name}"
