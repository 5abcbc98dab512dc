"""What was said is read again when it is gone from the screen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import Input

from sracl.tracking.store import Store
from sracl.tui import settings
from sracl.tui.app import SraclApp
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.messages import KEPT, Messages, Told, listed
from tests.tui.support import add, shows, text, until

AT = datetime(2026, 1, 5, 9, 30, 7, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    file = tmp_path / ".sracl" / "store.db"
    with Store.open(file) as store:
        add(store, "first")
    return file


@pytest.mark.presses("SraclApp messages", "Messages messages")
@pytest.mark.parametrize("key", ["M", "f2"])
async def test_messages_are_read_again_the_last_one_first_and_copied(path: Path, key: str) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "1 run")
        await pilot.press(key)
        await shows(pilot, "Nothing was said yet.")
        await pilot.press(key)
        await pilot.press("d")
        await shows(pilot, "Mark two or more runs first")
        app.notify("It cannot be read:\n[b]x.toml[/b] is no TOML.", severity="error", markup=False)
        await shows(pilot, "is no TOML.", "M shows all messages again.")
        app.clear_notifications()  # as time does
        await until(pilot, lambda: "is no TOML" not in text(app))
        await pilot.press(key)
        await shows(pilot, "  error: It cannot be read:", "  [b]x.toml[/b] is no TOML.", "  warning: Mark two or more runs first")
        assert text(app).index("error") < text(app).index("warning")
        assert "shows all messages" not in text(app)
        await pilot.press("y")
        assert [line[10:] for line in app.clipboard.splitlines()][0] == "error: It cannot be read:"
        assert len(app.clipboard.splitlines()) == 4
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


async def test_the_list_is_walked_and_keeps_the_last_ones(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "1 run")
        for number in range(KEPT + 5):
            app.notify(f"message {number}.")
        await pilot.press("M")
        await shows(pilot, f"message {KEPT + 4}.")
        await pilot.press("G")
        await shows(pilot, "message 5.")
        assert "message 4." not in text(app)


async def test_an_error_names_the_key_that_works_where_it_appears(path: Path, config: Path) -> None:
    config.write_text('[tui.keys]\nmessages = "f9,X"\n')
    app = SraclApp(path, settings.read())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "1 run")
        app.notify("One.", severity="error")
        await shows(pilot, "f9 shows all messages again.")
    app = SraclApp(path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "1 run")
        await pilot.press("slash", *"size:9", "enter")
        await shows(pilot, "is no filter", "f2 shows all messages again.")  # the letter would be typed
        await pilot.press("M")
        assert app.screen.query_one(Input).value == "size:9M"
        await pilot.press("f2")
        assert isinstance(app.screen, Messages)
        app.notify("Two.", severity="error")
        await shows(pilot, "Two.")


def test_lines_after_the_first_are_indented_and_codes_left_out() -> None:
    told = [Told(AT, "information", "one"), Told(AT, "error", "\x1b[31mtwo\x1b[0m\nthree")]
    time = f"{AT.astimezone():%H:%M:%S}"
    assert listed(told) == f"{time}  error: two\n  three\n\n{time}  information: one"
