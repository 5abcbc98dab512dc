"""Texts of others, made such that a terminal shows them and obeys nothing in them."""

from __future__ import annotations

import re

_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
"""Colours, moves of the cursor, titles, what goes to the clipboard."""
_BEGUN_CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]{0,4096}\x1b?|[ -/]*)?$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printed(text: str) -> tuple[str, str]:
    """What a terminal would show of this: no codes, and of a line that was written over again and again the last state.

    Returns:
        Lines to show, and the beginning of a code at the end, whose rest is yet to come.
    """
    begun = _BEGUN_CODE.search(text)
    rest = begun[0] if begun else ""
    text = _CODES.sub("", text.removesuffix(rest))
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")) + "\n" * text.endswith("\r")
    return _CONTROL.sub("", text), rest


def on_one_line(text: str) -> str:
    """A text for a cell of a table."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(_CODES.sub("", text).split()))
