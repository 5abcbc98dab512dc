"""Something to be read, moved by the same keys everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.widget import Widget


class Scroll(VerticalScroll, can_focus=True):
    """Widgets one below the other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False, id="down"),
        Binding("k,up", "move(-1)", "Up", show=False, id="up"),
        Binding("g,home", "end('first')", "First", show=False, id="first"),
        Binding("G,end", "end('last')", "Last", show=False, id="last"),
        Binding("y", "app.copy", "Copy", id="copy"),
    ]

    @property
    def copied(self) -> str:
        """All that is to be read here, also what is not in view."""
        return "\n".join(_text(child) for child in self.children if child.display)

    def action_move(self, lines: int) -> None:
        """Move by lines."""
        self.scroll_relative(y=lines, animate=False)

    def action_end(self, which: str) -> None:
        """Go to the first line, or to the last."""
        if which == "first":
            self.scroll_home(animate=False)
        else:
            self.scroll_end(animate=False)


def _text(widget: Widget) -> str:
    if isinstance(widget, Static) and isinstance(widget.content, str):
        return widget.content  # as it was before it was folded
    return "\n".join(strip.text.rstrip() for strip in widget.render_lines(Region(0, 0, *widget.size)))
