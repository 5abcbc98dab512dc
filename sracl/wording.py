"""How counts are put into words, wherever sracl speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def how_many(count: int, noun: str) -> str:
    """A count with its noun, which takes an s unless there is one: `1 run`, `2,000 runs`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def the_first(told: Sequence[str], most: int) -> list[str]:
    """At most so many, and how many more there are."""
    return [*told[:most], *([f"and {len(told) - most:,} more"] if told[most:] else [])]
