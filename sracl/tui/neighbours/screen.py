"""Neighbours: the positive pairs of a run made visible."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Input, Static

from sracl.errors import SraclError
from sracl.runs.exhibit import FILE, Exhibit
from sracl.tracking import artifacts
from sracl.tui.neighbours import details
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.picker import Picker
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.scroll import Scroll

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.app import ComposeResult

_MATCHES = 200
_ABSENT = (
    "No finished run of this project keeps its neighbours.\n\nA run keeps them when its recipe has [semantics] and an objective that "
    "uses them, such as methods/sracl. Runs that ended before they were kept have none; what they found is shown by "
    "`sracl semantics inspect RECIPE`."
)


class NeighboursScreen(StoreScreen):
    """Items and users of one run: texts, neighbours, weights, and what substitution would do.

    Args:
        store: The SQLite file; it may not be there yet.
        run_id: Which run; by default the newest that has an exhibit.
    """

    CSS = """
    NeighboursScreen Vertical { width: 30%; min-width: 24; }
    NeighboursScreen Rows { height: 1fr; }
    NeighboursScreen Scroll { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "back", "Back", key_display="q", id="back"),
        Binding("slash", "find", "Find", key_display="/", id="filter"),
        Binding("i", "show('items')", "Items", id="neighbours.items"),
        Binding("u", "show('users')", "Users", id="neighbours.users"),
        Binding("r", "draw", "Draw again", id="neighbours.draw"),
        Binding("p", "pick", "Pick a run", id="neighbours.pick"),
        Binding("l", "go('details')", "Read", show=False, id="right"),
        Binding("h", "go('list')", "List", show=False, id="left"),
    ]

    def __init__(self, store: Path, run_id: str | None = None) -> None:
        super().__init__(store)
        self._run_id = run_id
        self._runs: dict[str, tuple[str, Path]] = {}
        """Runs that have an exhibit, the newest first: id -> label and file."""
        self._exhibit: Exhibit | None = None
        self._kind: Literal["items", "users"] = "items"
        self._draws = 1

    def compose(self) -> ComposeResult:
        """Run, list, details, keys."""
        yield Static("Reading the store …", id="run", markup=False)
        with Horizontal():
            with Vertical():
                yield Input(placeholder="/ finds by title or name", id="find")
                yield Rows(("no", "title"))
            with Scroll():
                yield Static("", id="details", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin with the list."""
        self.query_one(Rows).focus()

    def refresh_rows(self) -> None:
        """Look for runs while there is none; an exhibit itself never changes."""
        if self._exhibit is None:
            self._find_runs()

    def action_back(self) -> None:
        """Leave the box, or the screen."""
        if self.query_one(Input).has_focus:
            self.query_one(Rows).focus()
        else:
            self.app.pop_screen()

    def action_find(self) -> None:
        """Type what is looked for."""
        self.query_one(Input).focus()

    def action_go(self, where: str) -> None:
        """Go to the list, or to what is read."""
        self.query_one(Rows if where == "list" else Scroll).focus()

    def action_show(self, kind: Literal["items", "users"]) -> None:
        """List items, or users."""
        self._kind = kind
        self.query_one(Input).value = ""
        self.query_one(Rows).focus()
        self._list("")

    def action_draw(self) -> None:
        """Substitute again."""
        self._draws += 1
        self._detail(self.query_one(Rows).selected_key)

    def action_pick(self) -> None:
        """Ask for another run."""
        lines = {f"{run_id}  {label}": run_id for run_id, (label, _) in self._runs.items()}

        def take(line: str | None) -> None:
            if line is not None:
                self._open(lines[line])

        if lines:
            self.app.push_screen(Picker("Neighbours of", list(lines)), take)

    @on(Input.Changed)
    def _type(self, typed: Input.Changed) -> None:
        self._list(typed.value)

    @on(Input.Submitted)
    def _typed(self) -> None:
        self.query_one(Rows).focus()

    @on(DataTable.RowHighlighted)
    def _move(self, moved: DataTable.RowHighlighted) -> None:
        self._detail(moved.row_key.value)

    @work(thread=True, exclusive=True, group="runs", exit_on_error=False)
    def _find_runs(self) -> None:
        found: dict[str, tuple[str, Path]] = {}
        if self.store.is_file():
            with self.reader() as store:
                kept = artifacts.completed_with(store, Path(FILE).stem)
            found = {run_id: (label, Path(file)) for run_id, (label, file) in kept.items()}
        self.app.call_from_thread(self._choose, found)

    def _choose(self, found: dict[str, tuple[str, Path]]) -> None:
        self._runs = found
        if not self.is_mounted:
            return
        if self._run_id is not None and self._run_id not in found:
            self._say(f"Run {self._run_id} keeps no neighbours.\n\n{_ABSENT.partition('.')[2].strip()}")
        elif found:
            self._open(self._run_id or next(iter(found)))
        else:
            self._say(_ABSENT)

    def _say(self, text: str) -> None:
        self.query_one("#run", Static).update("Neighbours")
        self.query_one("#details", Static).update(text)

    def _open(self, run_id: str) -> None:
        label, file = self._runs[run_id]
        try:
            self._exhibit = Exhibit.open(file)
        except SraclError as error:
            self._say(str(error))
            return
        facts = self._exhibit.facts
        self._run_id = run_id
        self._kind = "items" if facts["has_items"] else "users"
        self.query_one("#run", Static).update(
            f"{run_id}  {label}: {facts['items']:,} items, {facts['users']:,} users of {facts['dataset']}"
        )
        self._list(self.query_one(Input).value)

    @work(thread=True, exclusive=True, group="list", exit_on_error=False)
    def _list(self, text: str) -> None:
        """The rows that hold a text."""
        if self._exhibit is None:
            return
        if self._kind == "items":
            rows = {str(item.id): (str(item.id), item.title) for item in self._exhibit.find_items(text, limit=_MATCHES)}
        else:
            rows = {str(row.id): (str(row.id), row.name) for row in self._exhibit.find_sequences(text, limit=_MATCHES)}
        self.app.call_from_thread(self._listed, rows)

    def _listed(self, rows: dict[str, tuple[str, ...]]) -> None:
        if not self.is_mounted:
            return
        table = self.query_one(Rows)
        table.show_rows(rows)
        if not rows:
            what = {"items": "item", "users": "user"}[self._kind]
            without_items = self._kind == "items" and self._exhibit is not None and not self._exhibit.facts["has_items"]
            why = "This run puts no items into words." if without_items else f"No {what} that is shown is called so."
            self.query_one("#details", Static).update(why)
        else:
            self._detail(table.selected_key)

    @work(thread=True, exclusive=True, group="detail", exit_on_error=False)
    def _detail(self, key: str | None) -> None:
        """Read what is under the cursor, and show it."""
        if self._exhibit is None or key is None:
            return
        try:
            number = int(key)
            shown = (
                details.of_item(self._exhibit, number) if self._kind == "items" else details.of_sequence(self._exhibit, number, self._draws)
            )
        except (SraclError, KeyError):
            return  # the list has changed meanwhile, and its own cursor follows
        self.app.call_from_thread(self._show, shown)

    def _show(self, shown: RenderableType) -> None:
        if self.is_mounted:
            self.query_one("#details", Static).update(shown)
