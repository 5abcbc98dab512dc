"""The box in which the note of a run is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static, TextArea

from sracl.tui.widgets.box import Box
from sracl.tui.widgets.keys import Keys

if TYPE_CHECKING:
    from textual.app import ComposeResult


class NoteBox(Box[str | None]):
    """Closes with the note, which is empty where the run is to have none, or with None.

    Args:
        run_id: Whose note.
        text: The one that it has.
    """

    DEFAULT_CSS = """
    NoteBox #title { text-style: bold; }
    NoteBox TextArea { height: 8; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "Back", key_display="q", id="back"),
        Binding("ctrl+s", "keep", "Keep", priority=True, id="note.keep"),
    ]

    def __init__(self, run_id: str, text: str) -> None:
        super().__init__()
        self._run_id = run_id
        self._text = text

    def compose(self) -> ComposeResult:
        """Title, the text, keys."""
        with Vertical():
            yield Static(f"Note of run {self._run_id}", id="title", markup=False)
            yield TextArea(self._text)
            yield Keys()

    def on_mount(self) -> None:
        """Begin at the end of what stands there."""
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        area.focus()

    def action_keep(self) -> None:
        """Close with what is written."""
        self.dismiss(self.query_one(TextArea).text.strip())
