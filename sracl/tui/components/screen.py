"""Components & doctor: what can be named in a recipe, and whether everything is in order here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static, TabbedContent, TabPane
from textual.worker import get_current_worker

from sracl.doctor.check import Check
from sracl.doctor.surroundings import terminal
from sracl.errors import SraclError
from sracl.registry.catalog import OWNER, catalog
from sracl.registry.signatures import signature
from sracl.tui.command import ask
from sracl.tui.components.card import card as shown
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.filter import Filter
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.scroll import Scroll
from sracl.tui.widgets.text_screen import TextScreen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType
    from textual.app import ComposeResult

    from sracl.registry.card import Card

_ORDER = ("problem", "warning", "ok")


class ComponentsScreen(StoreScreen):
    """The registry, and the checks of `sracl doctor`.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    CSS = """
    ComponentsScreen TabPane { padding: 0; }
    ComponentsScreen Rows, ComponentsScreen Scroll { height: 1fr; }
    ComponentsScreen #checks { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "back", "Back", key_display="q", id="back"),
        Binding("i", "details", "Details", id="components.details"),
        Binding("slash", "filter", "Filter", key_display="/", id="filter"),
        Binding("c", "tab('components')", "Components", id="components.list"),
        Binding("d", "tab('doctor')", "Doctor", id="components.doctor"),
        Binding("r", "examine", "Examine again", id="components.examine"),
    ]

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._cards: dict[str, tuple[str, ...]] = {}
        self._failing: frozenset[str] = frozenset()

    def compose(self) -> ComposeResult:
        """Two tabs, keys."""
        with TabbedContent(initial="components"):
            with TabPane("Components", id="components"):
                yield Filter("part of a kind, a name or a summary, such as losses (empty shows all)")
                yield Rows(("component", "status", "what it is"))
            with TabPane("Doctor", id="doctor"), Scroll():
                yield Static("", id="checks", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Read the registry, and examine."""
        self.query_one(Rows).focus()
        self._read_registry()
        self.action_examine()

    def refresh_rows(self) -> None:
        """Nothing here changes with the store: `r` examines again."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Cards belong to the components; of a check all is told already."""
        if action in ("details", "filter"):
            return self.query_one(TabbedContent).active == "components"
        return super().check_action(action, parameters)

    def action_back(self) -> None:
        """Leave the filter, or the screen."""
        if self.query_one(Filter).has_focus:
            self._leave_filter()
        else:
            self.app.pop_screen()

    def action_filter(self) -> None:
        """Ask which components to show."""
        self.query_one(Filter).ask()

    def action_tab(self, name: str) -> None:
        """Show a tab."""
        self.query_one(TabbedContent).active = name
        self.query_one(Rows if name == "components" else "#doctor Scroll").focus()

    @work(thread=True, exclusive=True, group="details", exit_on_error=False)
    def action_details(self) -> None:
        """Say all that is known of the component under the cursor, as `sracl show` does."""
        key = self.query_one(Rows).selected_key
        if key is None:
            return
        worker = get_current_worker()
        answer = ask(["show", key, "--json"], unwanted=lambda: worker.is_cancelled)
        if answer is None or worker.is_cancelled:
            return
        content = shown(answer.data[0]) if answer.data else answer.reason
        self.app.call_from_thread(self._open, key, content)

    @work(thread=True, exclusive=True, group="examine", exit_on_error=False)
    def action_examine(self) -> None:
        """Look at everything again, in a process of its own: neither a plug-in nor a driver that hangs holds this one up."""
        worker = get_current_worker()
        self.app.call_from_thread(self._show_checks, "examining …", frozenset())
        answer = ask(["doctor", "--json"], unwanted=lambda: worker.is_cancelled)
        if answer is None or worker.is_cancelled:
            return
        if answer.data is None:
            self.app.call_from_thread(self._show_checks, answer.reason, frozenset())
            return
        checks = [Check(**found) for found in answer.data]
        checks = [terminal() if check.name == "terminal" else check for check in checks]  # that process has none
        failing = frozenset(check.component for check in checks if check.level == "problem")
        self.app.call_from_thread(self._show_checks, told(checks), failing)

    @on(DataTable.RowSelected)
    def _choose(self) -> None:
        self.action_details()

    @on(Input.Changed)
    def _narrow(self) -> None:
        self._draw()

    @on(Input.Submitted)
    def _leave_filter(self) -> None:
        asked = self.query_one(Filter)
        if not asked.value:  # a filter that hides rows stays to be seen
            asked.leave()
        self.query_one(Rows).focus()

    @work(thread=True, exclusive=True, group="registry", exit_on_error=False)
    def _read_registry(self) -> None:
        rows = {_key(card): _cells(card) for card in catalog().cards()}
        self.app.call_from_thread(self._show_cards, rows)

    def _show_cards(self, cards: dict[str, tuple[str, ...]]) -> None:
        self._cards = cards
        self._draw()

    def _show_checks(self, text: str, failing: frozenset[str]) -> None:
        if self.is_mounted:
            self._failing = failing
            self.query_one("#checks", Static).update(text)
            self._draw()

    def _draw(self) -> None:
        """The components that the filter leaves."""
        if not self.is_mounted:
            return
        wanted = self.query_one(Filter).value.lower()
        rows = {}
        for key, (name, status, summary) in self._cards.items():
            if wanted in f"{name} {summary}".lower():
                rows[key] = (name, "fails" if key in self._failing else status, summary)
        self.query_one(Rows).show_rows(rows)

    def _open(self, key: str, content: RenderableType) -> None:
        if self.is_current:
            self.app.push_screen(TextScreen(key, content))


def told(checks: Sequence[Check]) -> str:
    """How many are wrong, then checks as lines, what is wrong first, each with how to mend it."""
    counts = {level: sum(check.level == level for check in checks) for level in _ORDER}
    lines = [f"problems: {counts['problem']}, warnings: {counts['warning']}, in order: {counts['ok']}", ""]
    for check in sorted(checks, key=lambda check: _ORDER.index(check.level)):
        lines.append(f"{check.level:8}{check.name}: {check.found}")
        lines += [f"{'':8}  {line}" for line in (*check.details.splitlines(), check.mend) if line]
    return "\n".join(lines)


def _key(card: Card) -> str:
    """As `sracl show` takes it."""
    return card.address if card.owner == OWNER else card.owned_address


def _cells(card: Card) -> tuple[str, ...]:
    """Address, whether its source can be read, summary."""
    try:
        summary = card.summary or signature(card).summary
        signature(card)
    except SraclError as error:
        return (_key(card), "unreadable", str(error))
    return (_key(card), "ok", summary)
