from __future__ import annotations

import pytest

from sracl.plain import on_one_line, printed


@pytest.mark.parametrize(
    ("text", "shown", "rest"),
    [
        ("\x1b[31mred\x1b[0m\n", "red\n", ""),
        ("\x1b[2J\x1b[Hcleared \x1b]52;c;aGk=\x07copied \x1b]0;title\x1b\\named", "cleared copied named", ""),
        ("begun \x1b[3", "begun ", "\x1b[3"),
        ("1 %\r50 %\r100 %\nnext\r\n", "100 %\nnext\n", ""),
        ("1 %\r50 %\r", "50 %\n", ""),
        ("\ttab\0\a, 日本語", "\ttab, 日本語", ""),
        ("[bold] and [/]", "[bold] and [/]", ""),
    ],
)
def test_what_is_printed_is_shown_as_a_terminal_would_and_obeyed_in_nothing(text: str, shown: str, rest: str) -> None:
    assert printed(text) == (shown, rest)


def test_a_cell_is_one_line() -> None:
    assert on_one_line("Traceback:\n  \x1b[31mbad\x1b[0m\tvalue [/]") == "Traceback: bad value [/]"
