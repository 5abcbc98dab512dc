"""The box that asks for tags."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.suggester import Suggester
from textual.widgets import Input, Static

from sracl.errors import UsageError
from sracl.tracking import tags
from sracl.tui.widgets.box import Box
from sracl.tui.widgets.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.app import ComposeResult


class TagBox(Box[tuple[str, ...] | None]):
    """Closes with words such as `+final` and `-old`, as `sracl tag` takes them, or with None.

    Args:
        title: Stands above.
        having: The tags of each run that is meant.
        known: All tags that there are: the right arrow completes one that is begun.
    """

    DEFAULT_CSS = """
    TagBox #title { text-style: bold; }
    TagBox #problem { color: $text-error; display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "dismiss(None)", "Back", key_display="q", id="back"),
    ]

    def __init__(self, title: str, having: Sequence[Collection[str]], known: Collection[str]) -> None:
        super().__init__()
        self._heading = title
        self._counts = Counter(tag for each in having for tag in each)
        self._runs = len(having)
        self._known = known

    def compose(self) -> ComposeResult:
        """Title, the tags that are there, box, what is wrong with it, keys."""
        with Vertical():
            yield Static(self._heading, id="title", markup=False)
            yield Static(self._present(), markup=False)
            yield Input(placeholder="+final -old: gives one, takes one away", suggester=_Completion(self._known, self._counts))
            yield Static("", id="problem", markup=False)
            yield Keys()

    @on(Input.Submitted)
    def _take(self, asked: Input.Submitted) -> None:
        words = tuple(word if word[0] in "+-" else f"+{word}" for word in asked.value.split())
        try:
            tags.changes(words, self._counts)
        except UsageError as error:
            problem = self.query_one("#problem", Static)
            problem.update(str(error))
            problem.display = True
            return
        self.dismiss(words)

    def _present(self) -> str:
        if not self._counts:
            return "none yet"
        return " ".join(f"#{tag}" if count == self._runs else f"#{tag} ({count} of {self._runs})" for tag, count in self._counts.items())


class _Completion(Suggester):
    """Completes the last word: to a tag that there is, or to one of these runs' where it is to be taken away."""

    def __init__(self, known: Collection[str], having: Collection[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known
        self._having = having

    async def get_suggestion(self, value: str) -> str | None:
        """The text with its last word completed; None where nothing is begun, or nothing begins so."""
        before, last = value[: len(value) - len(value.split(" ")[-1])], value.split(" ")[-1]
        sign = last[:1] if last[:1] in ("+", "-") else ""
        begun = last.removeprefix(sign)
        offered = sorted(name for name in (self._having if sign == "-" else self._known) if begun and name.startswith(begun))
        return f"{before}{sign}{offered[0]}" if offered else None
