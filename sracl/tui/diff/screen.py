"""What tells the marked runs apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType
from textual.widgets import Static

from sracl.compare import render_diff
from sracl.compare.diff import Diff, diff
from sracl.tui.store_screen import StoreScreen
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.scroll import Scroll

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult


class DiffScreen(StoreScreen):
    """Runs side by side, only what differs unless all is asked for.

    Args:
        store: The SQLite file.
        run_ids: Two or more.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "app.pop_screen", "Back", key_display="q", id="back"),
        Binding("a", "everything", "All / differences", id="diff.all"),
    ]

    def __init__(self, store: Path, run_ids: Sequence[str]) -> None:
        super().__init__(store)
        self._run_ids = tuple(run_ids)
        self._everything = False
        self._shown: Diff | None = None

    def compose(self) -> ComposeResult:
        """The tables, keys."""
        with Scroll():
            yield Static("Reading the store …", id="diff", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Begin where it is read."""
        self.query_one(Scroll).focus()

    def action_everything(self) -> None:
        """Show, or leave out, what is the same."""
        self._everything = not self._everything
        self.refresh_rows()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def refresh_rows(self) -> None:
        """Read the runs again."""
        with self.reader() as store:
            found = diff(store, self._run_ids, everything=self._everything)
        self.app.call_from_thread(self._show, found)

    def _show(self, found: Diff) -> None:
        if self.is_mounted and found != self._shown:  # laying out all values takes 0.1 s, and this is called at every commit of any run
            self._shown = found
            self.query_one("#diff", Static).update(tables(found))


def tables(found: Diff) -> Group:
    """The runs, and a table a section, folded to the width that there is."""
    parts: list[Table | Text] = [Text("\n".join(f"{run.id}  {run.label}: {run.state}" for run in found.runs))]
    for section in found.sections:
        if section.lines:
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title_justify="left")
            for header in render_diff.headers(found, section):
                table.add_column(header, overflow="fold")
            for row in render_diff.rows(found, section):
                table.add_row(*map(Text, row))
            parts += [Text(), table]
    if render_diff.is_empty(found):
        parts.append(Text(f"\n{render_diff.nothing(found)}"))
    return Group(*parts)
