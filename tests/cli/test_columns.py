"""Rows as commands print them."""

from __future__ import annotations

import sys

import pytest

from sracl.cli.columns import print_columns

ROWS = [("测试", "in [0, 1) :cat:\n\x1b[31mred"), ("plain", "")]


def test_in_a_pipe_columns_hold_with_wide_letters_and_a_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns(("name", "what"), ROWS, indent="  ")
    assert capsys.readouterr().out == "  name   what\n  测试   in [0, 1) :cat: red\n  plain\n"


def test_on_a_terminal_texts_stand_as_they_are_and_none_of_their_codes_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    print_columns(("name", "what"), ROWS)
    shown = capsys.readouterr().out
    assert "in [0, 1) :cat: red" in shown
    assert "\x1b[31m" not in shown
