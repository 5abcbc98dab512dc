"""What the frame knows of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path


class StoreScreen(Screen[None]):
    """A screen that shows what a store holds.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    def __init__(self, store: Path) -> None:
        super().__init__()
        self.store = store

    def refresh_rows(self) -> object:
        """Read again, in a thread worker, and draw what changed; called after every commit of another process."""
        raise NotImplementedError
