"""A short list to choose one thing from."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from sracl.tui.widgets.box import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult


class Picker(Box[str | None]):
    """Closes with what was chosen, or with None.

    Args:
        question: Stands above the list.
        choices: What there is, each a line.
    """

    DEFAULT_CSS = """
    Picker OptionList { height: auto; max-height: 16; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "Back", key_display="q", id="back"),
        Binding("j,down", "move('down')", "Down", show=False, id="down"),
        Binding("k,up", "move('up')", "Up", show=False, id="up"),
        Binding("g,home", "move('first')", "First", show=False, id="first"),
        Binding("G,end", "move('last')", "Last", show=False, id="last"),
    ]

    def __init__(self, question: str, choices: Sequence[str]) -> None:
        super().__init__()
        self._question = question
        self._choices = tuple(choices)

    def compose(self) -> ComposeResult:
        """Question and list."""
        with Vertical():
            yield Label(self._question, markup=False)
            yield OptionList(*(Option(Content(choice)) for choice in self._choices))

    def action_move(self, way: str) -> None:
        """Move the cursor a line, or to an end."""
        choices = self.query_one(OptionList)
        moves = {
            "down": choices.action_cursor_down,
            "up": choices.action_cursor_up,
            "first": choices.action_first,
            "last": choices.action_last,
        }
        moves[way]()

    @on(OptionList.OptionSelected)
    def _choose(self, chosen: OptionList.OptionSelected) -> None:
        self.dismiss(self._choices[chosen.option_index])
