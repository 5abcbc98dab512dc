"""What the frame knows of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen
from textual.worker import Worker, WorkerState

from sracl.errors import SraclError

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

    def on_worker_state_changed(self, changed: Worker.StateChanged) -> None:
        """Say why a thread that read for this screen ended; what was shown stays."""
        if changed.state is WorkerState.ERROR:
            self.notify(failure(changed.worker.error), severity="error", markup=False)

    def refresh_rows(self) -> object:
        """Read again, in a thread worker, and draw what changed; called after every commit of another process."""
        raise NotImplementedError


def failure(error: BaseException | None) -> str:
    """An error in the user's words: its message if it is one of ours, with its kind in front otherwise."""
    return str(error) if isinstance(error, SraclError) else f"{type(error).__name__}: {error}"
