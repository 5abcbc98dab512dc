"""Letters for whoever has no more than ASCII: terminals, pipes and files of other encodings."""

from __future__ import annotations

import codecs
import io
import unicodedata
from typing import TextIO

NEAR = {
    **dict.fromkeys("─━╌╍┄┅┈┉═╴╶╸╺╼╾▁▔▂▃", "-"),
    **dict.fromkeys("│┃┆┇┊┋║▏▎▍▌▋▊▉▕▐", "|"),
    **dict.fromkeys("█▇▆▅▄▀▓", "#"),
    **dict.fromkeys("░▒", ":"),
    **dict.fromkeys("·•‧∙", "."),
    **dict.fromkeys("●◉◆■▪", "*"),
    **dict.fromkeys("○◌", "o"),
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
    "≤": "<",
    "≥": ">",
    "×": "x",
    "°": "'",
    "†": "*",
    "‡": "#",
    "ß": "s",
    "ø": "o",
    "ł": "l",
    "đ": "d",
}
"""A letter -> one that takes as much room on a screen."""


def near(letter: str) -> str:
    """The nearest of ASCII; a question mark where nothing is like it."""
    if letter in NEAR:
        return NEAR[letter]
    if unicodedata.name(letter, "").startswith("BOX DRAWINGS"):
        return "+"  # a corner or a crossing; straight lines stand above
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if part.isascii()) or "?"


def spell(stream: TextIO) -> None:
    """From now on print the nearest letter of ASCII where the encoding of a stream lacks one, instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("sracl-near", _nearest)
        stream.reconfigure(errors="sracl-near")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(near, error.object[error.start : error.end])), error.end
