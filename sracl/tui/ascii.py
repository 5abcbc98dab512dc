"""For terminals that know no letters beyond ASCII: every other one becomes the nearest that is, just before it is printed."""

from __future__ import annotations

import os
import sys
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from textual.filter import LineFilter

if TYPE_CHECKING:
    from textual.color import Color

_NEAR = {
    **dict.fromkeys("─━╌╍┄┅┈┉═╴╶╸╺╼╾▁▔▂▃", "-"),
    **dict.fromkeys("│┃┆┇┊┋║▏▎▍▌▋▊▉▕▐", "|"),
    **dict.fromkeys("█▇▆▅▄▀▓", "#"),
    **dict.fromkeys("░▒", ":"),
    **dict.fromkeys("·•‧∙", "."),
    **dict.fromkeys("●○◉◆■▪", "*"),
    **dict.fromkeys("–—‐‑−", "-"),
    **dict.fromkeys("‘’‚′", "'"),
    **dict.fromkeys("“”„″", '"'),
    **dict.fromkeys("▶▸►→⏎", ">"),
    **dict.fromkeys("◀◂←", "<"),
    **dict.fromkeys("▲▴↑", "^"),
    **dict.fromkeys("▼▾↓", "v"),
    "✓": "+",
    "✗": "x",
    "‖": '"',
    "…": ".",
    "±": "~",
    "×": "x",
    "°": "'",
    "†": "*",
    "‡": "#",
    "ß": "s",
    "ø": "o",
    "ł": "l",
    "đ": "d",
}
"""A letter -> one that takes as much room."""


class Ascii(LineFilter):
    """Prints ASCII alone; a letter of which nothing is like becomes a question mark for every cell that it takes."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, as wide as before."""
        return [
            segment if segment.text.isascii() else Segment(_plain(segment.text), segment.style, segment.control) for segment in segments
        ]


def is_needed() -> bool:
    """Whether this terminal says that it knows no other letters."""
    out = sys.__stdout__
    encoding = (out.encoding or "").lower().replace("-", "") if out else ""
    return os.environ.get("TERM", "") == "dumb" or encoding != "utf8"


def _plain(text: str) -> str:
    return "".join(letter if letter.isascii() else _near(letter) for letter in text)


@cache
def _near(letter: str) -> str:
    if letter in _NEAR:
        return _NEAR[letter]
    if unicodedata.name(letter, "").startswith("BOX DRAWINGS"):
        return "+"  # a corner or a crossing; straight lines stand above
    width = cell_len(letter)
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if part.isascii())
    return base if base and len(base) == width else "?" * width
