"""What was said in this session, for those who looked elsewhere while it popped up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from sracl.plain import printed
from sracl.tui.widgets.text_screen import TextScreen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

KEPT = 200
"""Messages, the last ones."""


@dataclass(frozen=True)
class Told:
    """One message."""

    at: datetime
    severity: str
    """`information`, `warning` or `error`."""
    text: str


class Messages(TextScreen):
    """The messages of this session, over whatever was there.

    Args:
        told: The oldest first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("M,f2", "dismiss", "Messages", show=False, id="messages"),
    ]

    def __init__(self, told: Sequence[Told]) -> None:
        super().__init__("Messages of this session, the last one first", listed(told))


def listed(told: Sequence[Told]) -> str:
    """Messages as text, the last one first; of several lines those after the first are indented."""
    return "\n\n".join(map(_told, reversed(told))) or "Nothing was said yet."


def _told(message: Told) -> str:
    text = "\n  ".join(printed(message.text)[0].splitlines())
    return f"{message.at.astimezone():%H:%M:%S}  {message.severity}: {text}"
