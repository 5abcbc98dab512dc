"""A question that is answered by yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from sracl.tui.widgets.box import Box
from sracl.tui.widgets.keys import Keys

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Question(Box[bool | None]):
    """Closes with True where the answer is yes.

    Args:
        question: Stands above.
        consequence: What a yes leads to.
    """

    DEFAULT_CSS = """
    Question #question { text-style: bold; }
    Question #consequence { margin: 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes", id="yes"),
        Binding("n", "dismiss(False)", "No", id="no"),
        Binding("q,escape", "dismiss(None)", "Back", show=False, id="back"),
    ]

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence

    def compose(self) -> ComposeResult:
        """Question, consequence, keys."""
        with Vertical():
            yield Static(self._question, id="question", markup=False)
            yield Static(self._consequence, id="consequence", markup=False)
            yield Keys()
