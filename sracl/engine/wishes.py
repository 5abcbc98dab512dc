"""What a training is asked for from outside, by a signal for example: it looks after every step."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Wishes:
    """Set by whoever wishes, heeded between two steps, where a checkpoint can be written."""

    checkpoint: bool = False
    """Write a checkpoint, and go on."""
    end: BaseException | None = None
    """Write a checkpoint, and raise this."""
    are_heeded: bool = False
    """Whether somebody looks; nobody does before training and after it."""

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Somebody looks within."""
        self.are_heeded = True
        try:
            yield
        finally:
            self.are_heeded = False
