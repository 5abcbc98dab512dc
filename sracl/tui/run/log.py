"""What a run tells, as it tells it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Log

from sracl.plain import printed

_LINES = 5000
_COPIED = 200


class JobLog(Log, can_focus=True):
    """The end of a log, which moves on with it unless one has moved up in it.

    Args:
        id: Of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", "Down", show=False, id="down"),
        Binding("k,up", "scroll_up", "Up", show=False, id="up"),
        Binding("g,home", "scroll_home", "First", show=False, id="first"),
        Binding("G,end", "scroll_end", "Last", show=False, id="last"),
        Binding("y", "app.copy", "Copy", id="copy"),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, max_lines=_LINES)
        self._rest = ""

    @property
    def copied(self) -> str:
        """The last lines."""
        return "\n".join(self.lines[-_COPIED:]).rstrip()

    def show_more(self, text: str, *, anew: bool) -> None:
        """Add what was printed, or show it in place of all that was shown."""
        follows = anew or self.is_vertical_scroll_end
        if anew:
            self.clear()
            self._rest = ""
        begins = "\n" if text.startswith("\r") and self.lines and self.lines[-1] else ""  # what it writes over stands on a line of its own
        shown, self._rest = printed(f"{self._rest}{begins}{text}")
        if shown:
            self.write(shown, scroll_end=follows)
