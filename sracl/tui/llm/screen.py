"""LLM: what language models were asked, by whom at present, and what that costs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static

from sracl.llm_providers import present
from sracl.tracking import texts
from sracl.tui.llm import cells
from sracl.tui.llm.seen import SeenAnswers
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.columns import Columns
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.text_screen import TextScreen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from textual.app import ComposeResult

    from sracl.llm_providers.answers import Account
    from sracl.llm_providers.present import Asker, Rate

_LOOK_SECONDS = 1.0
_RENEWAL_SECONDS = 5.0
"""Seconds until it is read again though nothing was written: rates fall, and a process may have been killed."""
_SHARE = 5
"""How much longer it is let alone than the last reading took: of many answers that is a second."""

_MODELS_GIVE_WAY = Columns(
    elastic="model", leaving={"provider": 24, "lost": 20, "open": 20, "in doubt": 18, "a minute": 12, "under way": 12, "in": 12}
)
_ASKERS_GIVE_WAY = Columns(elastic="project", leaving={"since": 12, "dollars": 12, "answered": 12})


class LlmScreen(StoreScreen):
    """Stored answers by provider and model, the processes that ask at present, and the texts of this project.

    Args:
        store: The SQLite file of the project; it may not be there yet.
    """

    CSS = """
    LlmScreen #models { height: 1fr; }
    LlmScreen #askers, LlmScreen #texts { height: auto; max-height: 25%; display: none; }
    LlmScreen .heading { padding: 0 1; text-style: bold; }
    LlmScreen #chosen { padding: 0 1; max-height: 4; }
    LlmScreen #totals { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.pop_screen", "Back", key_display="q", id="back"),
        Binding("f", "failures", "Failures", id="llm.failures"),
    ]

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._accounts: dict[str, Account] = {}
        self._rates: Mapping[tuple[str, str], Rate] = {}
        self._stamp: object = None
        self._read_at = self._not_before = 0.0
        self._is_reading = False

    def compose(self) -> ComposeResult:
        """Three tables, what is under the cursor, totals, keys."""
        yield Rows(cells.MODELS, id="models", gives_way=_MODELS_GIVE_WAY)
        yield Static("", id="chosen", markup=False)
        yield Rows(cells.ASKERS, id="askers", gives_way=_ASKERS_GIVE_WAY)
        yield Rows(cells.TEXTS, id="texts")
        yield Static("Reading the answers …", id="totals", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin in the models, and look again while the screen is there."""
        self.query_one("#models").focus()
        self.set_interval(_LOOK_SECONDS, self._look)
        self._look()

    def action_failures(self) -> None:
        """Show why requests have no answer, and attempts brought none."""
        self._read_failures()

    @on(DataTable.RowHighlighted, "#models")
    def _tell(self) -> None:
        account = self._accounts.get(self.query_one("#models", Rows).selected_key or "")
        told = "" if account is None else cells.in_words(account, self._rates.get((account.provider, account.model)))
        self.query_one("#chosen", Static).update(told)

    @work(thread=True, exclusive=True, group="texts", exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the texts of this project again, and draw what changed."""
        if not self.store.is_file():
            return
        with self.reader() as store:
            found = texts.by_model(store)
        self.app.call_from_thread(self._show_table, "#texts", [cells.text_cells(each) for each in found])

    def _look(self) -> None:
        if self.is_current and not self._is_reading and time.monotonic() >= self._not_before:
            self._is_reading = True
            self._read()

    @work(thread=True, group="answers", exit_on_error=False)
    def _read(self) -> None:
        """Read the answers, if they may be others than those that are shown."""
        begun = time.monotonic()
        try:
            answers = self._answers()
            stamp = answers.stamp()
            if stamp == self._stamp and begun - self._read_at < _RENEWAL_SECONDS:
                return
            accounts, rates, asking = answers.accounts(), present.rates(answers), present.askers(answers)
            self._stamp, self._read_at = stamp, begun
            self._not_before = time.monotonic() + _SHARE * (time.monotonic() - begun)
        finally:
            self._is_reading = False
        self.app.call_from_thread(self._show, accounts, rates, asking)

    @work(thread=True, exclusive=True, group="failures", exit_on_error=False)
    def _read_failures(self) -> None:
        told = cells.failures(present.reasons(self._answers()))
        self.app.call_from_thread(self._show_failures, told)

    def _answers(self) -> SeenAnswers:
        return SeenAnswers(leave_no_trace=self.read_only)

    def _show(self, accounts: Sequence[Account], rates: Mapping[tuple[str, str], Rate], asking: Sequence[Asker]) -> None:
        if not self.is_mounted:
            return
        self._accounts, self._rates = cells.names(accounts), rates
        rows = [cells.model_cells(name, each, rates.get((each.provider, each.model))) for name, each in self._accounts.items()]
        self.query_one("#models", Rows).show_rows({row[0]: row for row in rows})
        self._tell()
        self._show_table("#askers", [cells.asker_cells(asker) for asker in asking])
        self.query_one("#totals", Static).update(cells.totals(accounts, rates, asking))

    def _show_table(self, name: str, rows: Sequence[tuple[str, ...]]) -> None:
        """Fill a table that is there only while it has rows."""
        if self.is_mounted:
            table = self.query_one(name, Rows)
            table.display = bool(rows)
            table.show_rows({row[0]: row for row in rows})

    def _show_failures(self, told: str) -> None:
        if self.is_current:
            self.app.push_screen(TextScreen("What came to nothing", told))
