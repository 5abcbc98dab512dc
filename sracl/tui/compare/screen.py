"""Compare: the leaderboard of what was run, as it will be exported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from sracl import paths
from sracl.compare import render
from sracl.compare.board import Leaderboard, columns, narrowed, sorted_by
from sracl.compare.leaderboard import leaderboard
from sracl.tracking import queries
from sracl.tracking.values import now
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.filter import Filter
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.picker import Picker
from sracl.tui.widgets.scroll import Scroll

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.app import ComposeResult

_SUFFIXES: dict[render.Format, str] = {"table": ".txt", "markdown": ".md", "latex": ".tex", "csv": ".csv", "json": ".json"}
_NONE = "(what the recipe's report names)"
_EVERY = "(every recipe)"
_UNSORTED = "(by recipe)"


@dataclass(frozen=True)
class View:
    """What is asked of the leaderboard."""

    recipe: str | None = None
    group: str = "all"
    baseline: str | None = None
    format: render.Format = "table"
    is_tested: bool = False
    """Whether differences that are more than noise are marked."""


class CompareScreen(StoreScreen):
    """The leaderboard: a block for each protocol, mean ± deviation over seeds, published figures beside ours.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "back", "Back", key_display="q", id="back"),
        Binding("slash", "filter", "Filter", key_display="/", id="filter"),
        Binding("s", "sort_by", "Sort", id="sort"),
        Binding("S", "reverse", "Reverse", show=False, id="reverse"),
        Binding("t", "tests", "Tests", id="compare.tests"),
        Binding("b", "baseline", "Baseline", id="compare.baseline"),
        Binding("r", "recipe", "Recipe", id="compare.recipe"),
        Binding("u", "group", "Users", id="compare.users"),
        Binding("f", "format", "Format", id="compare.format"),
        Binding("x", "export", "Export", id="compare.export"),
    ]
    WRITES = frozenset({"export"})

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._view = View()
        self._board = Leaderboard(())
        self._recipes: list[str] = []
        self._groups: list[str] = []
        self._read: View | None = None
        """What was asked when the board was read; until that is what is asked now, its figures are others than the heading says."""
        self._drawn = ""
        self._filtered_by = ""
        self._sorted_by: str | None = None
        """A metric; None is the order of recipes and variants."""
        self._descending = True

    def compose(self) -> ComposeResult:
        """Filter, the view in words, the leaderboard, keys."""
        yield Filter("parts of a data set, a recipe or a variant (empty shows all)")
        yield Static("", id="view", markup=False)
        with Scroll():
            yield Static("Reading the store …", id="board", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin where it is read."""
        self.query_one(Scroll).focus()

    def on_resize(self) -> None:
        """Cut the tables anew to the width, once there are any."""
        if self._read:
            self._draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to turn round where nothing is sorted."""
        return super().check_action(action, parameters) and (action != "reverse" or self._sorted_by is not None)

    def action_back(self) -> None:
        """Leave the filter as it stands, or the screen."""
        if self.query_one(Filter).has_focus:
            self._leave_filter()
        else:
            self.app.pop_screen()

    def action_filter(self) -> None:
        """Ask which rows to show."""
        self.query_one(Filter).ask()

    def action_sort_by(self) -> None:
        """Ask for the column that rows stand by, the highest first."""

        def take(name: str | None) -> None:
            if name is not None:
                self._sorted_by, self._descending = None if name == _UNSORTED else name.lower(), True
                self._draw()

        self.app.push_screen(Picker("Sort by", [_UNSORTED, *map(str.upper, columns(self._board))]), take)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._descending = not self._descending
        self._draw()

    def action_format(self) -> None:
        """Show the next format."""
        formats = render.FORMATS
        self._look(replace(self._view, format=formats[(formats.index(self._view.format) + 1) % len(formats)]))

    def action_baseline(self) -> None:
        """Ask what the others are compared with."""
        rows = dict.fromkeys(row.name for block in self._board.blocks for row in block.rows)
        self._ask("Compare with", [_NONE, *rows], lambda name: replace(self._view, baseline=None if name == _NONE else name))

    def action_recipe(self) -> None:
        """Ask for one recipe."""
        self._ask(
            "Show", [_EVERY, *self._recipes], lambda name: replace(self._view, recipe=None if name == _EVERY else name, baseline=None)
        )

    def action_tests(self) -> None:
        """Mark differences that are more than noise, or no longer."""
        self._look(replace(self._view, is_tested=not self._view.is_tested))

    def action_group(self) -> None:
        """Ask for users with histories of some length."""
        self._ask("Users", self._groups or ["all"], lambda name: replace(self._view, group=name))

    @work(thread=True, exclusive=True, group="export", exit_on_error=False)
    def action_export(self) -> None:
        """Write what is shown to a file of the project, and say where it is."""
        text = render.render(self._arranged(), self._view.format) + "\n"
        file = paths.project() / f"leaderboard-{now():%Y%m%d-%H%M%S}{_SUFFIXES[self._view.format]}"
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            self.app.call_from_thread(self.notify, f"{file} cannot be written: {error.strerror}.", severity="error", markup=False)
            return
        self.app.call_from_thread(self.notify, f"Written to {file}", timeout=20, markup=False)

    @work(thread=True, exclusive=True, group="read", exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the figures again."""
        view = self._view
        if not self.store.is_file():
            self.app.call_from_thread(self._show, view, Leaderboard((), (), ("There is no run yet.",)), [], [])
            return
        with self.reader() as store:
            recipes = list(queries.recipes(store))
            groups = list(dict.fromkeys(row.group for row in queries.final_metrics(store)))
            board = leaderboard(store, view.recipe, group=view.group, baseline=view.baseline)
            if view.is_tested:
                from sracl.compare.significance import with_tests  # only now, since it loads what takes most of a second

                board = with_tests(store, board)
        self.app.call_from_thread(self._show, view, board, recipes, groups)

    def _ask(self, question: str, choices: list[str], chosen: Callable[[str], View]) -> None:
        def take(name: str | None) -> None:
            if name is not None:
                self._look(chosen(name))

        self.app.push_screen(Picker(question, choices), take)

    def _look(self, view: View) -> None:
        self._view = view
        self._draw()
        self.refresh_rows()

    def _show(self, view: View, board: Leaderboard, recipes: list[str], groups: list[str]) -> None:
        if view != self._view:  # a thread goes on when its worker is cancelled: tests may end after what was asked for since is shown
            return
        self._board, self._recipes, self._groups, self._read = board, recipes, groups, view
        self._draw()

    @on(Input.Submitted)
    def _filter(self, asked: Input.Submitted) -> None:
        self._filtered_by = asked.value.strip()
        self._leave_filter()
        self._draw()

    def _leave_filter(self) -> None:
        asked = self.query_one(Filter)
        asked.value = self._filtered_by
        asked.leave()
        self.query_one(Scroll).focus()

    def _arranged(self) -> Leaderboard:
        """The rows that the filter leaves, in the order that was asked for."""
        board = narrowed(self._board, self._filtered_by)
        # what is sorted by may be no column of another recipe
        return sorted_by(board, self._sorted_by, descending=self._descending) if self._sorted_by in columns(board) else board

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        view = self._view
        words = [view.recipe or "every recipe", f"users: {view.group}", f"baseline: {view.baseline or 'of the report'}", view.format]
        words += ["tests"] if view.is_tested else []
        words += [f"like {self._filtered_by}"] if self._filtered_by else []
        words += [] if self._read and replace(self._read, format=view.format) == view else ["reading …"]
        self.query_one("#view", Static).update(" · ".join(words))
        width = max(20, self.size.width - 4)
        board = self._arranged()
        if view.format == "table":
            signs = {self._sorted_by: "v" if self._descending else "^"} if self._sorted_by else {}
            text = render.as_table(board, width=width, signs=signs)
        else:
            text = render.render(board, view.format)
        if self._board.blocks and not board.blocks:
            text = f"No row is like {self._filtered_by}; / changes the filter."
        shown = text or "Nothing is finished yet."
        if shown != self._drawn:  # laying out the JSON of 49 runs takes 0.3 s, and any run's commit leads here
            self._drawn = shown
            self.query_one("#board", Static).update(shown)
