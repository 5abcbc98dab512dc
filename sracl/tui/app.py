"""The terminal interface: the frame around its screens.

A screen is a folder of this package with a `screen.py`, whose class is a `StoreScreen`: it takes the store's file, and its
`refresh_rows` is called whenever the store has changed. Whatever reads the store does so in a thread worker, in a transaction that
is left before anything is drawn; widgets are handed rows and never open the store.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import closing
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.worker import Worker, WorkerState, get_current_worker

from sracl.errors import SraclError
from sracl.tracking.values import now
from sracl.tui import settings
from sracl.tui.ascii import Ascii
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.settings import DARK, LIGHT, Settings
from sracl.tui.store_screen import StoreScreen, failure, opened
from sracl.tui.too_small import TooSmall, is_too_small
from sracl.tui.watch import Watch
from sracl.tui.widgets.key_list import KeyList
from sracl.tui.widgets.keys import key_of
from sracl.tui.widgets.messages import KEPT, Messages, Told
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from textual.filter import LineFilter
    from textual.notifications import SeverityLevel
    from textual.screen import Screen
    from textual.theme import Theme
    from textual.timer import Timer

_PERIOD = 0.25
_RENEWAL = 10.0
"""Seconds between looks at the store, and until a screen is renewed anyway: ages and silence grow without a write."""
_WATCHING = "watching"
_SETTLED = 0.1
"""Seconds a size must last before another screen is shown for it: who drags the edge of a window passes through many."""
_SCREENS = Binding.Group("Screens", compact=True)


class SraclApp(App[None]):
    """Everything the terminal shows.

    Args:
        store: The SQLite file; it may not be there yet.
        chosen: Theme and keys.
        read_only: Write nothing at all, and offer nothing that writes.
        ascii: Print no other letters.
    """

    TITLE = "sracl"
    CSS = """
    Rows:nocolor > .datatable--cursor, OptionList:nocolor > .option-list--option-highlighted, Tab.-active:nocolor {
        text-style: bold reverse;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", key_display="?", id="help"),
        Binding("1", "visit('runs')", "Runs", id="screen.runs", group=_SCREENS),
        Binding("2", "visit('run')", "Run", id="screen.run", group=_SCREENS),
        Binding("3", "visit('queue')", "Queue", id="screen.queue", group=_SCREENS),
        Binding("4", "visit('compare')", "Compare", id="screen.compare", group=_SCREENS),
        Binding("5", "visit('launch')", "Launch", id="screen.launch", group=_SCREENS),
        Binding("6", "visit('neighbours')", "Neighbours", id="screen.neighbours", group=_SCREENS),
        Binding("7", "visit('components')", "Components", id="screen.components", group=_SCREENS),
        Binding("8", "visit('llm')", "LLM", id="screen.llm", group=_SCREENS),
        Binding("Q", "quit", "Quit", id="quit"),
        Binding("colon,ctrl+p", "command_palette", "Commands", show=False, key_display=":", id="palette"),
        Binding("T", "switch_theme", "Theme", show=False, id="theme"),
        Binding("M,f2", "messages", "Messages", show=False, id="messages"),
    ]

    def __init__(self, store: Path, chosen: Settings | None = None, *, read_only: bool = False, ascii: bool = False) -> None:
        super().__init__()
        chosen = chosen or Settings()
        self.store = store
        self.read_only = read_only
        self.animation_level = "none"  # a terminal far away has better things to carry
        self.ascii = ascii
        self.theme = self._kept_theme = chosen.theme
        self.set_keymap(chosen.keys)
        self._fitting: Timer | None = None
        self._stopped = Event()
        self._trouble = ""
        """Why the store cannot be watched; empty while it is."""
        self._said: deque[Told] = deque(maxlen=KEPT)

    def on_mount(self) -> None:
        """Show the runs, and watch the store."""
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.push_screen(RunsScreen(self.store))
        self.fit()
        self._watch_store()

    def on_resize(self) -> None:
        """Show the screens, or that there is no room for them, as soon as the terminal keeps its size."""
        if self._fitting is not None:
            self._fitting.stop()
        self._fitting = self.set_timer(_SETTLED, self.fit)

    def fit(self) -> None:
        """Put the screen that asks for more room above the others, or take it away."""
        if not any(isinstance(screen, RunsScreen) for screen in self.screen_stack):
            return  # it has not begun
        small = is_too_small(self.size)
        if isinstance(self.screen, TooSmall) != small:
            if small:
                self.push_screen(TooSmall())
            else:
                self.pop_screen()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What is done to every line before it is printed."""
        return [*super().get_line_filters(), *([Ascii()] if self.ascii else [])]

    def on_unmount(self) -> None:
        """Let the watching thread end."""
        self._stopped.set()

    def on_worker_state_changed(self, changed: Worker.StateChanged) -> None:
        """Say why a thread ended; the one that watches the store begins again after a while."""
        if changed.state is not WorkerState.ERROR:
            return
        why = failure(changed.worker.error)
        if changed.worker.group != _WATCHING:
            self.notify(why, severity="error", markup=False)
            return
        if why != self._trouble:
            self._trouble = why
            told = f"The store cannot be watched, and what is shown is not renewed; that is tried again every {_RENEWAL:.0f} s. {why}"
            self.notify(told, severity="error", timeout=20, markup=False)
        self.set_timer(_RENEWAL, self._watch_store)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Let a message pop up, and keep it to be read later; an error says how."""
        self._said.append(Told(now(), severity, message))
        under = next((screen for screen in reversed(self.screen_stack) if not screen.is_modal), None)
        if severity == "error" and under is not None and (key := key_of(under, "messages")):
            message = f"{message}\n{key} shows all messages again."
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: all that has a key here, under the name that stands in the footer."""
        for active in screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.description and binding.id and binding.action != "command_palette":
                yield SystemCommand(binding.description, f"key {self.get_key_display(binding)}", self._carry_out(active.node, binding))
        yield SystemCommand("Choose a theme", "all there are", self.action_change_theme)

    def action_visit(self, name: str) -> None:
        """Go to a screen from any other; what lay above the runs is closed."""
        while not isinstance(self.screen, RunsScreen):
            self.pop_screen()
        if name == "run":
            self.screen.action_open()
        elif name != "runs":
            self.push_screen(_screen(name, self.store))

    def action_help(self) -> None:
        """Show what all keys do here."""
        self.push_screen(KeyList(self.screen))

    def action_messages(self) -> None:
        """Show what was said in this session."""
        self.push_screen(Messages(tuple(self._said)))

    def action_switch_theme(self) -> None:
        """Swap dark and light."""
        self.theme = DARK if self.current_theme.name == LIGHT else LIGHT

    def action_copy(self) -> None:
        """Hand what has the focus to the terminal's clipboard, and keep it in a file for terminals that take nothing."""
        focused = self.screen.focused
        text = str(getattr(focused, "copied", ""))  # what binds this key has it
        if not text:
            self.notify("There is nothing to copy here.", severity="warning")
            return
        self.copy_to_clipboard(text)
        lines = text.count("\n") + 1
        what = text if len(text) <= 40 and lines == 1 else how_many(lines, "line")
        file = self.store.with_name("copied.txt")
        if self.read_only:
            self.notify(f"Copied: {what}", markup=False)
            return
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            self.notify(f"Copied: {what}. {file} cannot be written: {error.strerror}.", severity="warning", markup=False)
            return
        self.notify(f"Copied: {what}\nIn {file.parent.name}/{file.name}, too, for terminals without a clipboard.", markup=False)

    def _carry_out(self, node: object, binding: Binding):  # type: ignore[no-untyped-def]
        async def carry_out() -> None:
            await self.run_action(binding.action, default_namespace=node)  # type: ignore[arg-type]

        return carry_out

    def _keep_theme(self, theme: Theme) -> None:
        """Remember the theme that was switched to."""
        if theme.name != self._kept_theme and not self.read_only:
            self._kept_theme = theme.name
            self._write_theme(theme.name)

    @work(thread=True, exclusive=True, group="theme", exit_on_error=False)
    def _write_theme(self, name: str) -> None:
        try:
            settings.keep_theme(name)
        except SraclError as error:
            self.call_from_thread(self.notify, str(error), severity="warning", markup=False)

    @work(thread=True, group=_WATCHING, exit_on_error=False)
    def _watch_store(self) -> None:
        """Have the screen renewed after every commit of another process."""
        worker = get_current_worker()
        while not (worker.is_cancelled or self._stopped.wait(_PERIOD)):
            if self.store.is_file():
                with closing(Watch(self.store, leave_no_trace=self.read_only)) as watch:
                    if notice := self._notice():
                        self.call_from_thread(self.notify, notice, severity="warning", timeout=20, markup=False)
                    self._renew_at_changes(watch, worker)
                if not (worker.is_cancelled or self._stopped.is_set()):
                    self.call_from_thread(self._renew)  # it may be gone for good

    def _notice(self) -> str:
        """What there is to know of the store, such as that a newer sracl wrote it."""
        with opened(self.store, leave_no_trace=self.read_only) as store:
            return store.notice

    def _renew_at_changes(self, watch: Watch, worker: Worker[None]) -> None:
        """Look at the store until it is another file."""
        renewed = 0.0
        while watch.is_current and not (worker.is_cancelled or self._stopped.wait(_PERIOD)):
            if watch.changed() or time.monotonic() - renewed > _RENEWAL:
                renewed = time.monotonic()
                self.call_from_thread(self._renew)

    def _renew(self) -> None:
        if self._trouble:
            self._trouble = ""
            self.notify("The store is watched again.")
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
    if name == "llm":
        from sracl.tui.llm.screen import LlmScreen

        return LlmScreen(store)
    from sracl.tui.components.screen import ComponentsScreen

    return ComponentsScreen(store)
