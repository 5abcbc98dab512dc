"""The terminal interface: the frame around its screens.

A screen is a folder of this package with a `screen.py`, whose class is a `StoreScreen`: it takes the store's file, and its
`refresh_rows` is called whenever the store has changed. Whatever reads the store does so in a thread worker, in a transaction that
is left before anything is drawn; widgets are handed rows and never open the store.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.worker import Worker, WorkerState, get_current_worker

from sracl.tracking.file import connect
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.store_screen import StoreScreen, failure

if TYPE_CHECKING:
    from pathlib import Path

_PERIOD = 0.25
_RENEWAL = 10.0
"""Seconds between looks at the store, and until a screen is renewed anyway: ages and silence grow without a write."""


class SraclApp(App[None]):
    """Everything the terminal shows.

    Args:
        store: The SQLite file; it may not be there yet.
        light: Begin with dark letters on a light ground.
    """

    TITLE = "sracl"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "visit('runs')", "Runs"),
        Binding("3", "visit('queue')", "Queue"),
        Binding("4", "visit('compare')", "Compare"),
        Binding("5", "visit('launch')", "Launch"),
        Binding("6", "visit('neighbours')", "Neighbours"),
        Binding("7", "visit('components')", "Components"),
        Binding("question_mark,f1", "show_help_panel", "Help", key_display="?"),
        Binding("colon", "command_palette", "Commands", key_display=":"),
        Binding("T", "switch_theme", "Theme"),
        Binding("Q", "quit", "Quit"),
    ]

    def __init__(self, store: Path, *, light: bool = False) -> None:
        super().__init__()
        self.store = store
        self.theme = "textual-light" if light else "textual-dark"
        self._stopped = Event()

    def on_mount(self) -> None:
        """Show the runs, and watch the store."""
        self.push_screen(RunsScreen(self.store))
        self._watch_store()

    def on_unmount(self) -> None:
        """Let the watching thread end."""
        self._stopped.set()

    def on_worker_state_changed(self, changed: Worker.StateChanged) -> None:
        """Say why the store is watched no longer."""
        if changed.state is WorkerState.ERROR:
            told = f"The store is no longer watched; what is shown is not renewed. {failure(changed.worker.error)}"
            self.notify(told, severity="error", timeout=20, markup=False)

    def action_visit(self, name: str) -> None:
        """Go to a screen from any other; what lay above the runs is closed."""
        while not isinstance(self.screen, RunsScreen):
            self.pop_screen()
        if name != "runs":
            self.push_screen(_screen(name, self.store))

    def action_switch_theme(self) -> None:
        """Swap dark and light."""
        self.theme = "textual-dark" if self.theme == "textual-light" else "textual-light"

    @work(thread=True, exit_on_error=False)
    def _watch_store(self) -> None:
        """Have the screen renewed after every commit of another process.

        The kept connection never opens a transaction, so it holds up neither writers nor the checkpoint of the write-ahead log.
        """
        worker = get_current_worker()
        while not self.store.is_file():
            if worker.is_cancelled or self._stopped.wait(_PERIOD):
                return
        with closing(connect(self.store, "ro")) as view:
            seen, renewed = None, 0.0
            while not (worker.is_cancelled or self._stopped.wait(_PERIOD)):
                try:
                    version = view.execute("PRAGMA data_version").fetchone()
                except sqlite3.OperationalError:
                    continue  # the store is being made, or locked for a moment: look again
                if version != seen or time.monotonic() - renewed > _RENEWAL:
                    seen, renewed = version, time.monotonic()
                    self.call_from_thread(self._renew)

    def _renew(self) -> None:
        if isinstance(self.screen, StoreScreen):
            self.screen.refresh_rows()


def _screen(name: str, store: Path) -> StoreScreen:
    """A screen that has a number, loaded when it is first asked for."""
    if name == "queue":
        from sracl.tui.queue.screen import QueueScreen

        return QueueScreen(store)
    if name == "compare":
        from sracl.tui.compare.screen import CompareScreen

        return CompareScreen(store)
    if name == "launch":
        from sracl.tui.launch.screen import LaunchScreen

        return LaunchScreen(store)
    if name == "neighbours":
        from sracl.tui.neighbours.screen import NeighboursScreen

        return NeighboursScreen(store)
    from sracl.tui.components.screen import ComponentsScreen

    return ComponentsScreen(store)
