"""How counts are put into words, wherever sracl speaks."""

from __future__ import annotations


def how_many(count: int, noun: str) -> str:
    """A count with its noun, which takes an s unless there is one: `1 run`, `2,000 runs`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
