"""Addresses as cards, options and recipes name them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def objection(value: Any, *, key_env: str | None = None) -> str:
    """What an address should be, where it is not; it is not repeated, since a key may stand in it.

    Args:
        value: What is given as an address.
        key_env: Environment variable that holds the key, where one may be needed.
    """
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:  # such as https://[
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        return "should be an address that begins with https:// or http://"
    if parts.username or parts.password or parts.query:
        return f"should hold no user, password or query; a key stands in the environment{f', in {key_env}' if key_env else ' alone'}"
    return ""
