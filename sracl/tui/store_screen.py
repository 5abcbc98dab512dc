"""What the frame knows of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import Screen
from textual.worker import Worker, WorkerState

from sracl.errors import SraclError
from sracl.tracking.reader import Reader

if TYPE_CHECKING:
    from pathlib import Path

    from textual.events import Key


class StoreScreen(Screen[None]):
    """A screen that shows what a store holds.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()
    """Actions that write into the project, or have it written to: there are none of them in an interface that only reads."""

    def __init__(self, store: Path) -> None:
        super().__init__()
        self.store = store
        self._told = ""

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return bool(getattr(self.app, "read_only", False))

    def reader(self) -> Reader:
        """The store, to be read in a thread worker; see `opened`."""
        return opened(self.store, leave_no_trace=self.read_only)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether an action is offered; None for one whose key says why it is not."""
        return None if action in self.WRITES and self.read_only else True

    def on_key(self, pressed: Key) -> None:
        """Say why a key does nothing that would write."""
        active = self.active_bindings.get(pressed.key)
        if active is not None and active.node is self and not active.enabled and _name(active.binding.action) in self.WRITES:
            told = f"{active.binding.description} would write, and `sracl tui` was started with --read-only: nothing is changed."
            self.notify(told, severity="warning", markup=False)

    def on_screen_resume(self) -> None:
        """Read what has changed while another screen was above this one."""
        self._told = ""
        self.refresh_rows()

    def on_worker_state_changed(self, changed: Worker.StateChanged) -> None:
        """Say why a thread that read for this screen ended, once and not at every change of the store; what was shown stays."""
        if changed.state is WorkerState.ERROR and (told := failure(changed.worker.error)) != self._told:
            self._told = told
            self.notify(told, severity="error", markup=False)

    def refresh_rows(self) -> object:
        """Read again, in a thread worker, and draw what changed; called after every commit of another process."""
        raise NotImplementedError


def _name(action: str) -> str:
    """Of an action, without its parameters."""
    return action.partition("(")[0]


def opened(store: Path, *, leave_no_trace: bool) -> Reader:
    """A store to be read.

    Raises:
        StoreError: It is damaged, is no store, or is not there.
    """
    return Reader.leaving_no_trace(store) if leave_no_trace else Reader.open(store)


def failure(error: BaseException | None) -> str:
    """An error in the user's words: its message if it is one of ours, with its kind in front otherwise."""
    return str(error) if isinstance(error, SraclError) else f"{type(error).__name__}: {error}"
