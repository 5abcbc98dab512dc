"""For terminals that know no letters beyond ASCII: every other one becomes the nearest that is, just before it is printed."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.filter import LineFilter

from sracl import letters

if TYPE_CHECKING:
    from textual.color import Color


class Ascii(LineFilter):
    """Prints ASCII alone; a letter of which nothing is like becomes a question mark for every cell that it takes."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, as wide as before."""
        return [
            segment if segment.text.isascii() else Segment(_plain(segment.text), segment.style, segment.control) for segment in segments
        ]


def is_needed() -> bool:
    """Whether this terminal says that it knows no other letters."""
    return os.environ.get("TERM", "") == "dumb" or letters.of_terminal() != "utf8"


def _plain(text: str) -> str:
    return "".join(letter if letter.isascii() else _near(letter) for letter in text)


@cache
def _near(letter: str) -> str:
    """The nearest letter of ASCII, as many times as it takes cells."""
    found, width = letters.near(letter), cell_len(letter)
    return found if len(found) == width else "?" * width
