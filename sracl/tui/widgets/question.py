"""A question that is answered by yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from sracl.tui.widgets.keys import Keys

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Question(ModalScreen[bool | None]):
    """Closes with True where the answer is yes.

    Args:
        question: Stands above.
        consequence: What a yes leads to.
    """

    DEFAULT_CSS = """
    Question { align: center middle; }
    Question Vertical { width: 70; max-width: 90%; height: auto; max-height: 80%; border: round $primary; padding: 0 1; }
    Question #question { text-style: bold; }
    Question #consequence { margin: 1 0; }
    Question Keys { dock: none; background: transparent; }
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
