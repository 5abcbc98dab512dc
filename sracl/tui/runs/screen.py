"""Runs: what was run and what is running, renewed as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, get_args

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static

from sracl.compare.wording import age, place
from sracl.errors import UsageError, did_you_mean
from sracl.tracking import pages, queries
from sracl.tracking.identity import State
from sracl.tracking.values import now
from sracl.tui.diff.screen import DiffScreen
from sracl.tui.neighbours.screen import NeighboursScreen
from sracl.tui.run.screen import RunScreen
from sracl.tui.steering import SteeringScreen
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from textual.app import ComposeResult

    from sracl.tracking.pages import Order

_PAGE = 500
_COLUMNS: Mapping[str, Order] = {
    "run": "id",
    "m": "marked",
    "state": "state",
    "recipe": "recipe",
    "data": "dataset",
    "seed": "seed",
    "epoch": "epoch",
    "best valid": "best",
    "age": "number",
}
"""Title of a column, and what it sorts by."""
_FILTERS = {"state": "state", "recipe": "recipe", "data": "dataset"}


class RunsScreen(SteeringScreen):
    """Runs, 500 a page, the newest first unless another order is asked for; filter and order are those of all of them.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    CSS = "RunsScreen Input { display: none; } RunsScreen Input.asked { display: block; } RunsScreen Rows { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="filter"),
        Binding("m", "mark", "Mark", id="runs.mark"),
        Binding("d", "diff", "Diff", id="runs.diff"),
        Binding("n", "app.visit('launch')", "New", id="runs.new"),
        Binding("N", "neighbours", "Neighbours", id="runs.neighbours"),
        Binding("c", "cancel", "Cancel", id="runs.cancel"),
        Binding("R", "retry", "Retry", id="runs.retry"),
        Binding("greater_than_sign", "turn(1)", "Next page", show=False, id="runs.next_page"),
        Binding("less_than_sign", "turn(-1)", "Page before", show=False, id="runs.page_before"),
        Binding("escape", "leave_filter", "Back to the runs", show=False, id="runs.leave_filter"),
    ]

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._wanted: dict[str, str] = {}
        self._marked: dict[str, None] = {}
        self._first = 0
        """Place of the first row in the list of all."""

    def compose(self) -> ComposeResult:
        """Filter, table, totals, keys."""
        yield Input(placeholder="state:running data:office recipe:sracl (empty shows all)")
        yield Rows(tuple(_COLUMNS), sorts=False)
        yield Static("", id="totals", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin in the table."""
        self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Ask which runs to show."""
        asked = self.query_one(Input)
        asked.add_class("asked")
        asked.focus()

    def action_leave_filter(self) -> None:
        """Leave the filter as it stands."""
        self.query_one(Input).remove_class("asked")
        self.query_one(Rows).focus()

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away, and go to the next."""
        table = self.query_one(Rows)
        key = table.selected_key
        if key is None:
            return
        if key in self._marked:
            del self._marked[key]
        else:
            self._marked[key] = None
        table.action_cursor_down()
        self.refresh_rows()

    def action_turn(self, pages: int) -> None:
        """Show the next page, or the one before."""
        self._first = max(0, self._first + pages * _PAGE)
        self.query_one(Rows).move_cursor(row=0)
        self.refresh_rows()

    @on(Rows.Reordered)
    def _begin_anew(self) -> None:
        """Show the first page of another order."""
        self._first = 0
        self.refresh_rows()

    def action_diff(self) -> None:
        """Put the marked runs side by side."""
        if len(self._marked) < 2:
            self.notify("Mark two or more runs first: m marks the one under the cursor.", severity="warning")
            return
        self.app.push_screen(DiffScreen(self.store, list(self._marked)))

    def action_neighbours(self) -> None:
        """Show the neighbours that the run under the cursor learned from."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.app.push_screen(NeighboursScreen(self.store, key))

    def action_cancel(self) -> None:
        """Cancel the job that trains the run under the cursor."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.steer(["cancel", key], "")

    def action_retry(self) -> None:
        """Let the job of the run under the cursor wait again."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.steer(["retry", key], "")

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        """Open the run under the cursor."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.app.push_screen(RunScreen(self.store, key))

    @on(Input.Submitted)
    def _filter(self, asked: Input.Submitted) -> None:
        try:
            self._wanted = wanted(asked.value)
        except UsageError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._first = 0
        self.action_leave_filter()
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Read the page again, and draw what changed."""
        self._read(self._asked())

    def _asked(self) -> dict[str, Any]:
        """What `pages.page` is to find now."""
        table = self.query_one(Rows)
        order = _COLUMNS[table.sorted_by or "age"]
        # the oldest run has the lowest number and the greatest age
        descending = table.descending != (order == "number")
        return {**self._wanted, "first": self._first, "order": order, "descending": descending, "marked": tuple(self._marked)}

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self, asked: dict[str, Any]) -> None:
        if not self.store.is_file():
            self.app.call_from_thread(self._show, asked, {}, 0, "There is no run yet. `sracl run quickstart` trains a first model.")
            return
        with self.reader() as store:
            page = pages.page(store, size=_PAGE, **asked)
            bests = queries.best_watched(store, page.lines)
        rows = {run.id: _cells(run, bests.get(run.id), marked=run.id in asked["marked"]) for run in page.lines}
        self.app.call_from_thread(self._show, asked, rows, page.first, _totals(page, filtered=bool(self._wanted)))

    def _show(self, asked: dict[str, Any], rows: dict[str, tuple[str, ...]], first: int, totals: str) -> None:
        if self.is_mounted and asked == self._asked():  # else something else was asked for meanwhile, and is being read
            self._first = first
            self.query_one(Rows).show_rows(rows)
            self.query_one("#totals", Static).update(totals)


def _totals(page: pages.Page, *, filtered: bool) -> str:
    if filtered and not page.total:
        return "no run is like that; / changes the filter"
    total = f"{page.total:,} runs"
    if page.total > len(page.lines):
        total = f"{page.first + 1:,} to {page.first + len(page.lines):,} of {total}, < and > turn pages"
    others = [f"{count} {state}" for state, count in page.counts.items() if count and state not in ("running", "completed", "planned")]
    return ", ".join([total, f"{page.counts.get('running', 0)} running", *others])


def wanted(text: str) -> dict[str, str]:
    """What a filter asks of `queries.runs`.

    Raises:
        UsageError: A word has no `name:` in front that can be filtered by, or names a state that there is not.
    """
    found = {}
    for word in text.split():
        name, _, value = word.partition(":")
        if name not in _FILTERS or not value:
            raise UsageError(f"'{word}' is no filter. Write {', '.join(f'{known}:VALUE' for known in _FILTERS)}.")
        if name == "state" and value not in get_args(State):
            raise UsageError(f"No run is ever '{value}'.{did_you_mean(value, get_args(State))} States: {', '.join(get_args(State))}.")
        found[_FILTERS[name]] = value
    return found


def _cells(run: queries.RunLine, best: tuple[str, float] | None, *, marked: bool) -> tuple[str, ...]:
    figure = f"{best[1]:.4f} {best[0].removeprefix('valid.')}" if best else ""
    epoch = "" if run.epoch is None else str(run.epoch)
    return (run.id, "*" if marked else "", run.state, place(run), run.dataset, str(run.seed), epoch, figure, age(now() - run.created))
