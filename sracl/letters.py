"""Letters for whoever has no more than ASCII: terminals, pipes and files of other encodings."""

from __future__ import annotations

import codecs
import io
import locale
import sys
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


def of_terminal() -> str:
    """Encoding of what the terminal understands, such as `utf8`: the one that is printed in, unless the locale names another.

    Where `LC_ALL` is C, Python prints UTF-8 all the same.
    """
    out = sys.__stdout__  # the terminal itself, also where sys.stdout is caught by the terminal interface
    said = [name.lower().replace("-", "") for name in (locale.getencoding(), (out.encoding or "") if out else "")]
    return next((name for name in said if name != "utf8"), "utf8")


def spell(stream: TextIO) -> None:
    """From now on print the nearest letter of ASCII where the encoding of a stream lacks one, instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        codecs.register_error("sracl-near", _nearest)
        stream.reconfigure(errors="sracl-near")


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(near, error.object[error.start : error.end])), error.end
