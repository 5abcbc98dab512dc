"""Keys that mean the same on every screen."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import DataTable, OptionList

from sracl.tracking.store import Store
from sracl.tui import settings
from sracl.tui.app import SraclApp
from sracl.tui.compare.screen import CompareScreen
from sracl.tui.components.screen import ComponentsScreen
from sracl.tui.launch.screen import LaunchScreen
from sracl.tui.llm.screen import LlmScreen
from sracl.tui.neighbours.screen import NeighboursScreen
from sracl.tui.queue.screen import QueueScreen
from sracl.tui.run.screen import RunScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.key_list import KeyList
from sracl.tui.widgets.keys import Keys
from sracl.tui.widgets.picker import Picker
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.scroll import Scroll
from tests.tui.support import add, shows, text, until


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    file = tmp_path / ".sracl" / "store.db"
    with Store.open(file) as store:
        for number, name in enumerate(("bee", "ant", "cat")):
            values = {f"long.{place}": place for place in range(60)}
            add(store, name, figures={"hr@10": 0.1}, seed=10 - number, dataset=name, values=values)
    return file


def table(app: SraclApp) -> Rows:
    return app.screen.query_one(Rows)


def order(app: SraclApp) -> list[str | None]:
    return [row.key.value for row in table(app).ordered_rows]


async def ready(pilot: Pilot[None], app: SraclApp) -> None:
    await until(pilot, lambda: isinstance(app.screen, RunsScreen) and table(app).row_count == 3)


@pytest.mark.presses("SraclApp screen.runs", "SraclApp screen.run", "SraclApp screen.compare", "SraclApp screen.neighbours")
@pytest.mark.presses("SraclApp screen.components", "SraclApp screen.launch", "SraclApp screen.queue")
async def test_digits_go_to_screens_from_everywhere(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        await pilot.press("j")
        screens = {
            "3": QueueScreen,
            "4": CompareScreen,
            "5": LaunchScreen,
            "6": NeighboursScreen,
            "7": ComponentsScreen,
            "8": LlmScreen,
            "2": RunScreen,
            "1": RunsScreen,
        }
        for key, kind in screens.items():
            await pilot.press(key)
            assert type(app.screen) is kind
        await pilot.press("2")
        await shows(pilot, "run      ant")


@pytest.mark.presses("Rows down", "Rows up", "Rows first", "Rows last")
async def test_a_table_is_walked_by_letters_and_arrows(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        for key, row in {"j": 1, "down": 2, "k": 1, "up": 0, "G": 2, "g": 0}.items():
            await pilot.press(key)
            assert table(app).cursor_row == row


@pytest.mark.presses("Scroll down", "Scroll up", "Scroll first", "Scroll last", "RunScreen run.recipe")
async def test_a_text_is_walked_by_the_same(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        await pilot.press("enter", "r")
        await shows(pilot, "long.0 = 0")
        read = app.screen.query_one("#recipe Scroll", Scroll)
        assert read.has_focus
        for key, line in {"j": 1, "down": 2, "k": 1, "up": 0, "G": read.max_scroll_y, "g": 0}.items():
            await pilot.press(key)
            assert read.scroll_y == line
        assert read.max_scroll_y > 10


@pytest.mark.presses("Picker down", "Picker up", "Picker first", "Picker last", "Picker back", "Rows sort", "Rows reverse")
async def test_a_table_is_sorted_by_any_column_and_back(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        assert order(app) == ["cat", "ant", "bee"]
        await pilot.press("s")
        assert isinstance(app.screen, Picker)
        choices = app.screen.query_one(OptionList)
        for key, line in {"j": 1, "k": 0, "G": choices.option_count - 1, "g": 0}.items():
            await pilot.press(key)
            assert choices.highlighted == line
        await pilot.press("j", "enter")  # the first column: run
        await until(pilot, lambda: order(app) == ["ant", "bee", "cat"])
        await shows(pilot, "run^")
        await pilot.press("S")
        await until(pilot, lambda: order(app) == ["cat", "bee", "ant"])
        await shows(pilot, "runv")
        await pilot.press("s", "q")
        assert order(app) == ["cat", "bee", "ant"]
        await pilot.press("s", "enter")  # as they come, the newest first
        await until(pilot, lambda: order(app) == ["cat", "ant", "bee"])
        await pilot.press("S")
        await until(pilot, lambda: order(app) == ["bee", "ant", "cat"])


async def test_a_click_on_a_title_sorts_numbers_by_their_value(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        rows = table(app)
        place = next(number for number, column in enumerate(rows.ordered_columns) if column.label.plain == "seed")
        column = rows.ordered_columns[place]
        rows.post_message(DataTable.HeaderSelected(rows, column.key, place, label=column.label))
        await until(pilot, lambda: order(app) == ["cat", "ant", "bee"])  # 8, 9, 10
        rows.post_message(DataTable.HeaderSelected(rows, column.key, place, label=column.label))
        await until(pilot, lambda: order(app) == ["bee", "ant", "cat"])


@pytest.mark.presses("Rows copy", "Scroll copy")
async def test_what_is_copied_reaches_the_clipboard_and_a_file(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(notifications=True) as pilot:
        await ready(pilot, app)
        await pilot.press("j", "y")
        assert app.clipboard == "ant"
        assert (path.parent / "copied.txt").read_text() == "ant\n"
        await shows(pilot, "Copied: ant", ".sracl/copied.txt")
        await pilot.press("enter", "r")
        await shows(pilot, "long.0 = 0")
        await pilot.press("y")
        assert app.clipboard.splitlines()[59] == "long.59 = 59"  # below what is in view


async def test_an_empty_table_has_nothing_to_copy(tmp_path: Path) -> None:
    app = SraclApp(tmp_path / "store.db")
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("y")
        await shows(pilot, "nothing to copy")
    assert not list(tmp_path.iterdir())


@pytest.mark.presses("SraclApp help", "KeyList help")
@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_comes_and_goes(path: Path, key: str) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await pilot.press(key)
        assert isinstance(app.screen, KeyList)
        await pilot.press(key)
        assert isinstance(app.screen, RunsScreen)


async def test_help_in_the_smallest_terminal_begins_with_the_keys_of_the_screen_and_can_be_read_to_its_end(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await pilot.press("question_mark")
        await shows(pilot, "/ ", "Filter", "Retry", "Next page")
        assert "Quit" not in text(app)
        await pilot.press("G")
        await shows(pilot, "every screen", "? ", "Quit", "Commands")


async def test_the_footer_of_a_box_names_no_key_that_would_be_typed(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await pilot.press("slash")
        await until(pilot, lambda: text(app).splitlines()[-1].split() == ["f1", "Help"])
        await pilot.press("escape", "5")
        await until(pilot, lambda: "esc" not in text(app) and "/ Set or find" in text(app))
        await pilot.press("slash")
        await until(pilot, lambda: " ".join(text(app).splitlines()[-1].split()) == "esc Back f5 Dry run ^s Enqueue f1 Help")
        await pilot.press("escape", "6")
        await until(pilot, lambda: "/ Find" in text(app))
        await pilot.press("slash")
        await until(pilot, lambda: text(app).splitlines()[-1].split() == ["esc", "Back", "f1", "Help"])


@pytest.mark.presses("SraclApp palette")
@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_the_palette_offers_what_has_a_key_here(path: Path, key: str) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        await pilot.press(key)
        assert isinstance(app.screen, CommandPalette)
        await pilot.press(*"Compare")
        await until(pilot, lambda: app.screen.query_one(OptionList).option_count == 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))


@pytest.mark.presses("SraclApp quit")
async def test_the_frame_is_left(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await pilot.press("Q")
    assert app._exit


def footprint(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(file): (file.read_bytes() if file.is_file() else b"", file.stat().st_mtime_ns) for file in (folder, *folder.rglob("*"))}


async def test_read_only_writes_nothing_and_offers_nothing_that_would(path: Path, config: Path) -> None:
    before = footprint(path.parent)
    app = SraclApp(path, read_only=True)
    async with app.run_test(notifications=True) as pilot:
        await ready(pilot, app)
        await pilot.press("y", "T", "enter")
        await shows(pilot, "run      cat")
        for key in ("c", "R", "t", "w", "3", "D", "w", "4", "x", "5", "ctrl+s", "6", "7", "8", "1"):
            await pilot.press(key)
            await pilot.pause(0.3)
            assert not {"Export", "Enqueue", "Cancel", "Retry", "Sooner", "Worker"} & set(text(app).splitlines()[-1].split())
        assert app.clipboard == "cat"
    assert footprint(path.parent) == before
    assert not config.exists()
    assert not list(path.parent.parent.glob("leaderboard*"))


async def test_read_only_sees_what_others_write(path: Path) -> None:
    app = SraclApp(path, read_only=True)
    async with app.run_test() as pilot:
        await ready(pilot, app)
        with Store.open(path) as store:
            add(store, "dog")
            await until(pilot, lambda: order(app) == ["dog", "cat", "ant", "bee"])  # while it is open: from its -wal file
        with Store.open(path) as store:
            add(store, "eel")
        await until(pilot, lambda: order(app) == ["eel", "dog", "cat", "ant", "bee"])


async def test_read_only_reads_what_a_killed_writer_left(path: Path) -> None:
    script = "import sys, time\nfrom pathlib import Path\nfrom sracl.tracking.store import Store\nfrom tests.tui.support import add\n"
    script += f"store = Store.open(Path({str(path)!r}))\nadd(store, 'late')\nprint(flush=True)\ntime.sleep(600)\n"
    with Popen([sys.executable, "-c", script], stdout=PIPE, stdin=DEVNULL, cwd=Path(__file__).parents[2]) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        writer.kill()
    before = footprint(path.parent)
    assert any(name.endswith("-wal") for name in before)
    app = SraclApp(path, read_only=True)
    async with app.run_test() as pilot:
        await until(pilot, lambda: order(app) == ["late", "cat", "ant", "bee"])
    assert footprint(path.parent) == before


async def test_the_foot_of_the_screen_tells_the_keys_and_may_be_clicked(path: Path, config: Path) -> None:
    config.write_text('[tui.keys]\nruns.mark = "f8"\n')
    app = SraclApp(path, settings.read())
    async with app.run_test(size=(100, 24)) as pilot:
        await ready(pilot, app)
        foot = text(app).splitlines()[-1]
        assert foot.endswith("? Help 1-8 Screens Q Quit")  # whatever else there is has to give way
        assert "f8 Mark" in foot
        await pilot.click(Keys, offset=(foot.index("Neighbours"), 0))
        await until(pilot, lambda: isinstance(app.screen, NeighboursScreen))
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert "Mark" not in text(app).splitlines()[-1]
        assert "b Baseline" in text(app).splitlines()[-1]
