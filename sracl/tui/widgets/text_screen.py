"""Something to be read, over whatever was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.scroll import Scroll

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
    TextScreen Scroll { border: round $primary; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss", "Back", key_display="q", id="back"),
    ]

    def __init__(self, title: str, content: RenderableType) -> None:
        super().__init__()
        self._heading = title
        self._content = content

    def compose(self) -> ComposeResult:
        """Title, content, keys."""
        yield Label(self._heading, markup=False)
        with Scroll():
            yield Static(self._content, markup=False)
        yield Keys()
