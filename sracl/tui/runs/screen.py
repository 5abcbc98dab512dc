"""Runs: what was run and what is running, renewed as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, get_args

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Input, Static

from sracl.compare.wording import age, at_most, epochs, place, state_with_sign
from sracl.errors import UsageError
from sracl.tracking import jobs, pages, progress
from sracl.tracking.identity import State
from sracl.tracking.values import now
from sracl.tui.annotating import AnnotatingScreen
from sracl.tui.diff.screen import DiffScreen
from sracl.tui.neighbours.screen import NeighboursScreen
from sracl.tui.run.screen import RunScreen
from sracl.tui.runs.wanted import wanted
from sracl.tui.widgets.chart import sparkline
from sracl.tui.widgets.columns import Columns
from sracl.tui.widgets.filter import Filter
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.rows import Rows
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from textual.app import ComposeResult

    from sracl.tracking.pages import Order
    from sracl.tracking.progress import Course
    from sracl.tracking.queries import RunLine
    from sracl.tracking.reader import Reader

_PAGE = 500
_COLUMNS: Mapping[str, Order | None] = {
    "run": "id",
    "m": "marked",
    "state": "state",
    "recipe": "recipe",
    "data": "dataset",
    "seed": "seed",
    "epoch": "epoch",
    "left": None,
    "best": "best",
    "valid": None,
    "trend": None,
    "device": None,
    "age": "number",
}
"""Title of a column, and what it sorts by, if that can be: only a page at a time is known of the others."""
_GIVES_WAY = Columns(elastic="recipe", leaving={"device": 18, "valid": 18, "age": 18, "trend": 18, "data": 12, "seed": 12, "left": 12})
_TREND = 10
"""Cells of a trend, with two dots in each."""


class RunsScreen(AnnotatingScreen):
    """Runs, 500 a page, the newest first unless another order is asked for; filter and order are those of all of them.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    CSS = "RunsScreen Rows { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="filter"),
        Binding("m", "mark", "Mark", id="runs.mark"),
        Binding("d", "diff", "Diff", id="runs.diff"),
        Binding("n", "app.visit('launch')", "New", id="runs.new"),
        Binding("N", "neighbours", "Neighbours", id="runs.neighbours"),
        Binding("c", "cancel", "Cancel", id="runs.cancel"),
        Binding("R", "retry", "Retry", id="runs.retry"),
        Binding("t", "tag", "Tags", id="runs.tags"),
        Binding("w", "note", "Note", id="runs.note"),
        Binding("greater_than_sign", "turn(1)", "Next page", show=False, id="runs.next_page"),
        Binding("less_than_sign", "turn(-1)", "Page before", show=False, id="runs.page_before"),
        Binding("escape", "leave_filter", "Back to the runs", show=False, id="runs.leave_filter"),
    ]

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._filtered_by = ""
        self._marked: dict[str, None] = {}
        self._first = 0
        """Place of the first row in the list of all."""
        self._courses: Mapping[str, tuple[object, Course | None]] = {}
        """Of the runs on the page, with what they went by."""

    def compose(self) -> ComposeResult:
        """Filter, table, totals, keys."""
        yield Filter("state:running data:office recipe:sracl tag:old (empty shows all)")
        unsorted = [title for title, order in _COLUMNS.items() if order is None]
        yield Rows(tuple(_COLUMNS), sorts=False, unsorted=unsorted, gives_way=_GIVES_WAY)
        yield Static("", id="totals", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin in the table."""
        self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Ask which runs to show."""
        self.query_one(Filter).ask()

    def action_leave_filter(self) -> None:
        """Leave the filter as it stands."""
        self.query_one(Filter).leave()
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
            self.cancel(key)

    def action_retry(self) -> None:
        """Let the job of the run under the cursor wait again."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.steer(["retry", key], "")

    def action_tag(self) -> None:
        """Change the tags of the marked runs, or else of the one under the cursor."""
        key = self.query_one(Rows).selected_key
        if chosen := list(self._marked) or ([] if key is None else [key]):
            self.ask_for_tags(chosen)

    def action_note(self) -> None:
        """Write the note of the run under the cursor."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.ask_for_note(key)

    @on(DataTable.RowSelected)
    def action_open(self) -> None:
        """Open the run under the cursor."""
        if (key := self.query_one(Rows).selected_key) is not None:
            self.app.push_screen(RunScreen(self.store, key))

    @on(Input.Submitted)
    def _filter(self, asked: Input.Submitted) -> None:
        try:
            wanted(asked.value)
        except UsageError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._filtered_by = asked.value.strip()
        self._first = 0
        self.action_leave_filter()
        self.refresh_rows()

    def refresh_rows(self) -> None:
        """Read the page again, and draw what changed."""
        self._read(self._asked())

    def _asked(self) -> dict[str, Any]:
        """What `pages.page` is to find now."""
        table = self.query_one(Rows)
        order = _COLUMNS[table.sorted_by or "age"] or "number"
        # the oldest run has the lowest number and the greatest age
        descending = table.descending != (order == "number")
        return {**wanted(self._filtered_by), "first": self._first, "order": order, "descending": descending, "marked": tuple(self._marked)}

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self, asked: dict[str, Any]) -> None:
        if not self.store.is_file():
            self.app.call_from_thread(self._show, asked, {}, 0, "There is no run yet. `sracl run quickstart` trains a first model.")
            return
        with self.reader() as store:
            page = pages.page(store, size=_PAGE, **asked)
            courses = self._courses_of(store, page.lines)
            left = progress.seconds_left(store, page.lines)
            devices = jobs.devices_of(store, [run.id for run in page.lines if run.state == "running"])
        ascii = bool(getattr(self.app, "ascii", False))
        rows = {
            run.id: (
                run.id,
                "*" if run.id in asked["marked"] else "",
                state_with_sign(run.state),
                place(run),
                run.dataset,
                str(run.seed),
                epochs(run),
                at_most(left.get(run.id)),
                *_course(courses[run.id], ascii=ascii),
                devices.get(run.id, run.device)[:12],
                age(now() - run.created),
            )
            for run in page.lines
        }
        self.app.call_from_thread(self._show, asked, rows, page.first, _totals(page, self._filtered_by))

    def _courses_of(self, store: Reader, lines: Sequence[RunLine]) -> dict[str, Course | None]:
        """How the runs of a page went; only the points of those are read that have gone on since."""
        went_by = {run.id: (run.created, run.state, run.epoch) for run in lines}
        kept = {run_id: course for run_id, (by, course) in self._courses.items() if went_by.get(run_id) == by}
        read = progress.courses(store, [run for run in lines if run.id not in kept], parts=2 * _TREND)
        found = {run_id: kept.get(run_id, read.get(run_id)) for run_id in went_by}
        self._courses = {run_id: (went_by[run_id], course) for run_id, course in found.items()}
        return found

    def _show(self, asked: dict[str, Any], rows: dict[str, tuple[str, ...]], first: int, totals: str) -> None:
        if self.is_mounted and asked == self._asked():  # else something else was asked for meanwhile, and is being read
            self._first = first
            self.query_one(Rows).show_rows(rows)
            self.query_one("#totals", Static).update(totals)


def _totals(page: pages.Page, filtered_by: str) -> str:
    if filtered_by and not page.total:
        return f"no run is like {filtered_by}; / changes the filter"
    total = how_many(page.total, "run") + (f" like {filtered_by}" if filtered_by else "")
    if page.total > len(page.lines):
        total = f"{page.first + 1:,} to {page.first + len(page.lines):,} of {total}, < and > turn pages"
    others = [f"{page.counts[state]:,} {state}" for state in get_args(State) if state != "running" and page.counts.get(state)]
    return ", ".join([total, f"{page.counts.get('running', 0)} running", *others])


def _course(course: Course | None, *, ascii: bool) -> tuple[str, str, str]:
    """The best value, its metric, the trend."""
    if course is None:
        return "", "", ""
    return f"{course.best:.4f}", course.metric.removeprefix("valid."), sparkline(course.trend, width=_TREND, ascii=ascii)
