"""Something to be read, over whatever was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Label, Static

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.app import ComposeResult


class TextScreen(ModalScreen[None]):
    """A title and what belongs to it.

    Args:
        title: Stands above.
        content: A text is shown as it is, without markup.
    """

    DEFAULT_CSS = """
    TextScreen { background: $background; }
    TextScreen Label { text-style: bold; padding: 0 1; }
    TextScreen VerticalScroll { border: round $primary; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss", "Back", key_display="q"),
        Binding("j", "scroll_by(1)", "Down", show=False),
        Binding("k", "scroll_by(-1)", "Up", show=False),
    ]

    def __init__(self, title: str, content: RenderableType) -> None:
        super().__init__()
        self._heading = title
        self._content = content

    def compose(self) -> ComposeResult:
        """Title, content, keys."""
        yield Label(self._heading, markup=False)
        with VerticalScroll(can_focus=True):
            yield Static(self._content, markup=False)
        yield Footer()

    def action_scroll_by(self, lines: int) -> None:
        """Move by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
