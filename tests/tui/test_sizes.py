"""Small terminals, terminals without letters or colours, and ones that never keep their size."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.events import Resize
from textual.geometry import Size

from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.ascii import Ascii
from sracl.tui.run.screen import RunScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.too_small import TooSmall
from sracl.tui.widgets.chart import drawn, sparkline
from sracl.tui.widgets.rows import Rows
from tests.support.terminal import Terminal
from tests.tui.support import add, shows, text, until

_PRINTED = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_][^\x07\x1b]*(?:\x07|\x1b\\)?")
"""Escape codes."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    file = tmp_path / ".sracl" / "store.db"
    with Store.open(file) as store:
        add(store, "first", figures={"hr@10": 0.1}, label="Größe · 测试 ±")
        store.log("first", 1, {"loss": 2.0})
        store.log("first", 2, {"loss": 1.0})
        add(store, "second")
    return file


@pytest.mark.presses("TooSmall quit")
@pytest.mark.parametrize("size", [(79, 24), (80, 23), (40, 12), (20, 8), (1, 1)])
async def test_a_small_terminal_is_told_of_kindly(path: Path, size: tuple[int, int]) -> None:
    app = SraclApp(path)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, TooSmall))
        if size[0] >= 40:
            await shows(pilot, "80 x 24", f"has {size[0]} x {size[1]}")
        await pilot.press("4", "q", "Q")
    assert app._exit


async def test_what_was_open_is_there_again_when_the_terminal_is_large_enough(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 2)
        await pilot.press("j", "enter", "r")
        for size in ((40, 12), (30, 10)):
            await pilot.resize_terminal(*size)
            await shows(pilot, f"has {size[0]} x {size[1]}")
        with Store.open(path) as store:
            add(store, "third")
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not any(isinstance(screen, TooSmall) for screen in app.screen_stack)
        await pilot.press("q")
        await shows(pilot, "third")
        assert app.screen.query_one(Rows).selected_key == "first"


async def test_the_storm(path: Path) -> None:
    sizes = random.Random(1)
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 2)
        for _ in range(200):
            size = Size(sizes.randint(1, 200), sizes.randint(1, 60))
            app.post_message(Resize(size, size))  # a pilot would wait until each is drawn
            await asyncio.sleep(0.001)
        await pilot.resize_terminal(100, 30)
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await shows(pilot, "first", "second", "2 runs")
        assert len(app.screen_stack) == 2


@pytest.mark.parametrize(
    "keys", [(), ("j", "enter"), ("j", "enter", "C"), ("3",), ("4",), ("5",), ("6",), ("7",), ("8",), ("s",), ("colon",), ("f1",)]
)
async def test_ascii_alone_is_printed_where_nothing_else_is_known(path: Path, keys: tuple[str, ...]) -> None:
    app = SraclApp(path, ascii=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 2)
        await pilot.press(*keys)
        await pilot.pause(0.3)
        shown = text(app)
        assert shown.isascii(), sorted(set(letter for letter in shown if not letter.isascii()))
        if keys[-1:] == ("C",):
            await shows(pilot, "loss: 1 at epoch 2", ":")


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("plain", "plain"),
        ("─│┌╮", "-|++"),
        ("Größe …", "Grose ."),
        ("测试", "????"),
        ("½", "?"),
        ("é", "e"),
        ("e\u0301", "e"),
        ("✓ ✗ ▶", "+ x >"),
        ("● ○ ≤ ≥", "* o < >"),
    ],
)
def test_a_letter_becomes_the_nearest_that_is_as_wide(written: str, printed: str) -> None:
    (segment,) = Ascii().apply([Segment(written)], Color.parse("black"))
    assert segment.text == printed
    assert len(printed) == cell_len(written)


@pytest.mark.parametrize(
    ("term", "locale", "needed"), [("dumb", "C.UTF-8", True), ("xterm", "C.UTF-8", False), ("xterm", "POSIX", True), ("xterm", "", True)]
)
def test_who_needs_it_says_so(term: str, locale: str, needed: bool) -> None:
    environment = {**os.environ, "TERM": term, "LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    environment.pop("PYTHONIOENCODING", None)
    script = "import sys; from sracl.tui.ascii import is_needed; sys.stderr.write(str(is_needed()))"
    said = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True).stderr
    assert said == str(needed)


def test_a_locale_without_other_letters_is_believed_though_python_would_print_them() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON") or name == "PYTHONPATH"}
    script = "import sys; from sracl.tui.ascii import is_needed; sys.stderr.write(f'{sys.stdout.encoding} {is_needed()}')"
    environment |= {"TERM": "xterm", "LC_ALL": "C"}
    said = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True).stderr
    assert said == "utf-8 True"


def test_curves_of_ascii() -> None:
    assert drawn([(0, 0.0), (1, 1.0)], width=2, height=1, ascii=True) == [".'"]
    assert drawn([(0, 0.0), (1, 1.0), (2, 0.0)], width=3, height=2, ascii=True) == [" ' ", ". ."]
    assert all(line.isascii() for line in drawn([(epoch, epoch**2) for epoch in range(99)], width=20, height=5, ascii=True))


def test_a_sparkline_has_a_dot_for_each_value_until_it_is_full() -> None:
    assert sparkline([], width=4) == sparkline([float("nan")], width=4) == ""
    assert sparkline([1.0], width=4) == "⠄"
    assert sparkline([0.0, float("inf"), 1.0, 2.0, 3.0], width=4) == sparkline([0.0, 1.0, 2.0, 3.0], width=2) == "⡠⠊"
    assert len(sparkline(range(20), width=4)) == 4
    assert sparkline([0.0, 1.0, 0.0], width=9, ascii=True) == ".'."


async def test_the_cursor_is_seen_without_colours(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 2)
        await shows(pilot, "second", "2 runs")
        await until(pilot, lambda: reversed_lines(app) == ["second"])
        lines = app.screen._compositor.render_strips(app.screen.size)
        colours = {segment.style.color.triplet for strip in lines for segment in strip if segment.style and segment.style.color}
        assert all(colour is None or colour.red == colour.green == colour.blue for colour in colours)


def waited(holds: Callable[[], bool], seconds: float = 120.0) -> bool:
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_a_real_terminal_is_drawn_on_moved_in_resized_and_given_back(path: Path) -> None:
    terminal = Terminal({**os.environ, "LC_ALL": "C.UTF-8"}, columns=80, lines=24)

    def said(*words: str) -> bool:
        printed = _PRINTED.sub(b"", terminal.printed).decode(errors="replace")
        return all(word in printed for word in words)

    try:
        assert waited(lambda: said("second", "first", "2 runs"))
        assert b"\x1b[?1049h" in terminal.printed  # the other screen of the terminal
        terminal.press("j")
        terminal.press("y")
        assert waited(lambda: b"\x1b]52;c;Zmlyc3Q=\x07" in terminal.printed)  # OSC 52 with `first` in base 64
        terminal.press("\r")
        assert waited(lambda: said("Overview", "run      first"))
        terminal.press("\x1b[B")
        sizes = random.Random(2)
        for _ in range(200):
            terminal.resize(sizes.randint(1, 200), sizes.randint(1, 60))
            time.sleep(0.002)
        terminal.resize(40, 12)
        assert waited(lambda: said("this terminal has 40 x 12"))
        terminal.resize(100, 30)
        before = len(terminal.printed)
        assert waited(lambda: b"first" in terminal.printed[before:])
        terminal.press("Q")
        assert terminal.process.wait(300) == 0
        assert waited(lambda: b"\x1b[?1049l" in terminal.printed and b"\x1b[?25h" in terminal.printed)  # given back, with its cursor
        assert b"Traceback" not in terminal.printed
    finally:
        terminal.process.kill()


def reversed_lines(app: SraclApp) -> list[str]:
    """How the lines begin that have something in reverse."""
    lines = app.screen._compositor.render_strips(app.screen.size)
    return [strip.text.split()[0] for strip in lines if any(segment.style and segment.style.reverse for segment in strip)]
