"""Launch: pick a recipe, change values, see what would be run, enqueue it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import Group
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import DataTable, Input, Static, TabbedContent, TabPane, Tree
from textual.worker import get_current_worker

from sracl.registry.wording import in_toml
from sracl.tui.command import ask
from sracl.tui.launch.completion import Completion, at
from sracl.tui.launch.form import Form, resolved
from sracl.tui.launch.outlook import charges, describes, enqueued, outlook
from sracl.tui.launch.recipe_tree import RecipeTree
from sracl.tui.launch.typed import Typed
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.picker import Picker
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.scroll import Scroll

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType
    from textual.app import ComposeResult

_SETTING = "path=value, enter sets it; right arrow completes; part of a path finds it"
_BEFORE = "F5 shows what would be run, what is cached already, and how long it may take."


class LaunchScreen(StoreScreen):
    """Recipes, the values of the one under the cursor, and a box for others.

    Args:
        store: The SQLite file; it may not be there yet.
    """

    CSS = """
    LaunchScreen RecipeTree { width: 30%; min-width: 34; }
    LaunchScreen #problems { height: auto; max-height: 50%; padding: 0 1; }
    LaunchScreen #sets { padding: 0 1; }
    LaunchScreen TabbedContent, LaunchScreen ContentSwitcher, LaunchScreen TabPane { height: 1fr; padding: 0; }
    LaunchScreen #outlook { padding: 0 1; }
    LaunchScreen #enqueuing { display: none; padding: 0 1; text-style: bold; }
    LaunchScreen #hint { height: 2; padding: 0 1; }
    LaunchScreen.-narrow RecipeTree { display: none; }
    LaunchScreen.-narrow.choosing RecipeTree { display: block; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "back", "Back", key_display="q", id="back"),
        Binding("slash", "set", "Set or find", key_display="/", id="filter"),
        Binding("minus", "unset", "Take back", key_display="-", id="launch.unset"),
        Binding("f5", "preview", "Dry run", id="launch.preview"),
        Binding("ctrl+s", "enqueue", "Enqueue", priority=True, id="launch.enqueue"),
        Binding("h", "recipes", "Recipes", id="left"),
        Binding("l", "values", "Values", id="right"),
    ]
    WRITES = frozenset({"enqueue"})

    def __init__(self, store: Path) -> None:
        super().__init__(store)
        self._completion = Completion()
        self._typed = Typed()
        self._form = Form("", {}, {})
        self._form_of: str | None = None
        self._is_enqueuing = False

    def compose(self) -> ComposeResult:
        """Recipes; box, problems, values, dry run; keys."""
        with Horizontal():
            yield RecipeTree(id="recipes")
            with Vertical():
                yield Input(placeholder=_SETTING, suggester=self._completion, compact=True, select_on_focus=False)
                yield Static("", id="sets", markup=False)
                with VerticalScroll(id="problems"):
                    yield Static("", id="told", markup=False)
                with TabbedContent(initial="values-tab"):
                    with TabPane("Values", id="values-tab"):
                        yield Rows(("path", "value", "set in"), id="values")
                    with TabPane("Dry run", id="outlook-tab"), Scroll():
                        yield Static(_BEFORE, id="outlook", markup=False)
                yield Static("enqueuing …", id="enqueuing", markup=False)
                yield Static("", id="hint", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin with the recipes."""
        self.query_one("#problems").can_focus = False
        self.action_recipes()

    def on_descendant_focus(self) -> None:
        """Where there is no room for both, show the recipes only while one is chosen."""
        self.set_class(self.query_one(RecipeTree).has_focus, "choosing")

    def refresh_rows(self) -> None:
        """Nothing here changes with the store."""

    def action_back(self) -> None:
        """Leave the box, or the screen."""
        if self.query_one(Input).has_focus:
            self.query_one(Input).value = ""
            self.action_values()
        else:
            self.app.pop_screen()

    def action_recipes(self) -> None:
        """Go to the recipes."""
        self.add_class("choosing")
        self.query_one(RecipeTree).focus()

    def action_set(self) -> None:
        """Type a setting."""
        self.query_one(TabbedContent).active = "values-tab"
        self.query_one(Input).focus()

    def action_unset(self) -> None:
        """Take back the setting under the cursor, or else the one that was typed last."""
        here = self.query_one("#values", Rows).selected_key if self.query_one("#values").has_focus else None
        if self._typed.take_back(self._recipe, here):
            self._resolve()

    def action_values(self) -> None:
        """Go to the values."""
        self.query_one(TabbedContent).active = "values-tab"
        self.query_one("#values").focus()

    def action_preview(self) -> None:
        """Show what would be run, what is cached, the time to expect and what the texts would cost."""
        self.query_one(TabbedContent).active = "outlook-tab"
        self.query_one("#outlook-tab Scroll").focus()
        self.query_one("#outlook", Static).update("looking …")
        self._preview()

    def action_enqueue(self) -> None:
        """Enqueue the runs of the recipe, once."""
        if self._recipe is None:
            self.notify("Choose a recipe first.", severity="warning")
        elif not self._is_enqueuing:
            self._is_enqueuing = True
            self._told = ""  # what kept it from being done the last time may do so again
            self.query_one("#enqueuing").display = True
            self._enqueue(self._arguments)

    @on(Tree.NodeHighlighted)
    def _choose(self) -> None:
        self._resolve()

    @on(Tree.NodeSelected)
    def _take(self, chosen: Tree.NodeSelected[str]) -> None:
        if chosen.node.data is not None:
            self.action_values()

    @on(Input.Changed)
    def _type(self, typed: Input.Changed) -> None:
        self._list()
        self._hint(typed.value.partition("=")[0])

    @on(Input.Submitted)
    def _submit(self, typed: Input.Submitted) -> None:
        path, equals, value = typed.value.partition("=")
        if path.strip() and equals:
            typed.input.value = ""
            self._add(path.strip(), value.strip())
        elif self.query_one("#values", Rows).row_count:
            self.query_one("#values").focus()
        else:
            self.notify("No path has that in it. A setting reads path=value, such as train.epochs=5.", severity="warning")

    @on(DataTable.RowHighlighted, "#values")
    def _move(self, moved: DataTable.RowHighlighted) -> None:
        if moved.row_key.value is not None:
            self._hint(moved.row_key.value)

    @on(DataTable.RowSelected, "#values")
    def _edit(self, chosen: DataTable.RowSelected) -> None:
        """Ask for another value: from a list where there is one, else in the box."""
        path = chosen.row_key.value or ""
        field = self._form.fields.get(path)
        if field and field.choices:

            def take(value: str | None) -> None:
                if value is not None:
                    self._add(path, value)

            self.app.push_screen(Picker(f"{path}: {field.accepts}", field.choices), take)
            return
        value = self._form.rows[path][1]
        box = self.query_one(Input)
        box.value = f"{path}={'' if value == in_toml(None) else value}"
        box.cursor_position = len(box.value)
        box.focus()

    @property
    def _recipe(self) -> str | None:
        """The one under the cursor, as `sracl run` takes it."""
        return self.query_one(RecipeTree).chosen

    @property
    def _arguments(self) -> list[str]:
        """The recipe and its settings, as commands take them."""
        return [self._recipe or "", *(part for setting in self._typed.of(self._recipe) for part in ("--set", setting))]

    def _add(self, path: str, value: str) -> None:
        if self._recipe is not None:
            self._typed.add(self._recipe, path, value)
            self._resolve()

    def _hint(self, path: str) -> None:
        """Say what a path accepts."""
        field = at(self._form.fields, path)
        _, _, place = self._form.rows.get(path, ("", "", ""))
        told = (field.accepts, f"set in {place}" if ":" in place else place, field.meaning) if field else ()
        self.query_one("#hint", Static).update(" · ".join(filter(None, told)), layout=False)

    def _list(self) -> None:
        """The values whose paths have in them what is typed."""
        wanted, equals, _ = self.query_one(Input).value.partition("=")
        every: dict[str, tuple[str, ...]] = {**self._form.rows}
        rows = {path: row for path, row in every.items() if (path == wanted if equals else wanted in path)}
        self.query_one("#values", Rows).show_rows(rows or (every if equals else {}))

    @work(thread=True, exclusive=True, group="resolve", exit_on_error=False)
    def _resolve(self) -> None:
        """Read the recipe with its settings."""
        worker = get_current_worker()
        recipe = self._recipe
        if recipe is not None:
            form = resolved(recipe, self._typed.of(recipe))
            if not worker.is_cancelled:
                self.app.call_from_thread(self._show, recipe, form)

    def _show(self, recipe: str, form: Form) -> None:
        if not self.is_mounted or recipe != self._recipe:
            return
        sets = self._typed.of(self._recipe)
        self.query_one("#sets", Static).update(" ".join(f"--set {setting}" for setting in sets))
        self.query_one("#sets").display = bool(sets)
        self.query_one("#outlook", Static).update(_BEFORE)
        self._tell(form.told)
        if form.rows or recipe != self._form_of:  # a recipe with problems keeps its own last values to be looked at
            self._form, self._form_of = form, recipe
            self._completion.fields = form.fields
            self._list()

    def _tell(self, text: str) -> None:
        self.query_one("#told", Static).update(text)

    @work(thread=True, exclusive=True, group="preview", exit_on_error=False)
    def _preview(self) -> None:
        worker = get_current_worker()
        arguments = self._arguments
        answer = ask(["run", *arguments, "--dry-run", "--json"], unwanted=lambda: worker.is_cancelled)
        if answer is None or worker.is_cancelled:
            return
        if answer.data is None:
            self.app.call_from_thread(self._previewed, answer.reason)
            return
        shown = outlook(answer.data)
        self.app.call_from_thread(self._previewed, shown)
        if describes(answer.data):
            priced = ask(["llm", "plan", *arguments, "--json"], unwanted=lambda: worker.is_cancelled)
            if priced is not None and priced.data and not worker.is_cancelled:
                self.app.call_from_thread(self._previewed, Group(shown, charges(priced.data)))

    def _previewed(self, shown: RenderableType) -> None:
        if self.is_mounted:
            self.query_one("#outlook", Static).update(shown)

    @work(thread=True, group="enqueue", exit_on_error=False)
    def _enqueue(self, arguments: Sequence[str]) -> None:
        """Have the jobs written to the queue; carried through even if this screen is left meanwhile."""
        try:
            answer = ask(["run", *arguments, "--detach", "--json"], unwanted=lambda: False)
            self.app.call_from_thread(self._enqueued, answer.data if answer and answer.code == 0 else None, answer.reason if answer else "")
        finally:
            self.app.call_from_thread(self._end_enqueuing)

    def _end_enqueuing(self) -> None:
        """Let others be enqueued."""
        self._is_enqueuing = False
        if self.is_mounted:
            self.query_one("#enqueuing").display = False

    def _enqueued(self, jobs: list[dict[str, Any]] | None, reason: str) -> None:
        """Show the runs, or why there are none."""
        if jobs is None:
            if self.is_mounted:
                self._tell(f"Nothing is enqueued.\n{reason}")
            else:
                self.app.notify(f"Nothing is enqueued. {reason}", severity="error", timeout=20, markup=False)
            return
        self.app.notify(enqueued(jobs), timeout=10, markup=False)
        if self.is_current:
            self.app.call_later(self.app.run_action, "visit('runs')")
