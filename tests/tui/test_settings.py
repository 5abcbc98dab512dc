from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sracl.errors import UsageError
from sracl.tracking.store import Store
from sracl.tui import settings
from sracl.tui.app import SraclApp
from sracl.tui.diff.screen import DiffScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.settings import DARK, LIGHT, Settings
from sracl.tui.widgets.rows import Rows
from tests.tui.support import add, until


def test_without_a_file_all_is_as_usual(config: Path) -> None:
    assert settings.read() == Settings(theme=DARK, keys={})


def test_keys_may_be_written_with_or_without_quotes(config: Path) -> None:
    config.write_text('[tui]\ntheme = "nord"\n[tui.keys]\nruns.mark = "space"\n"runs.diff" = "f8,x"\ndown = "j,down,ctrl+n"\n')
    assert settings.read() == Settings(theme="nord", keys={"runs.mark": "space", "runs.diff": "f8,x", "down": "j,down,ctrl+n"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tui", "is no valid TOML"),
        ("[tiu]\n", "tiu: Nothing is called so here. Did you mean 'tui'?"),
        ("tui = 3\n", "tui: Should be a table, got 3."),
        ("[tui]\nkey = 1\n", "tui.key: Nothing is called so here. Did you mean 'keys'? There is: theme, keys."),
        ('[tui]\ntheme = "dracul"\n', "tui.theme: No theme is called \"dracul\". Did you mean 'dracula'? There are: "),
        ("[tui]\nkeys = 3\n", "tui.keys: Should be a table, got 3."),
        ("[tui.keys]\nquit = 3\n", "tui.keys.quit: Should be a string, got 3."),
        ('[tui.keys]\nruns.marc = "x"\n', "tui.keys.runs.marc: Nothing is called so. Did you mean 'runs.mark'? There are: back, "),
        ('[tui.keys]\nquit = "pagedwn"\n', "tui.keys.quit: 'pagedwn' is no key. Did you mean 'pagedown'? Keys are letters, digits, "),
        ('[tui.keys]\nquit = ""\n', "tui.keys.quit: '' is no key."),
        ('[tui.keys]\nquit = "ctrl+m"\n', "tui.keys.quit: 'ctrl+m' reaches programs as enter; choose another."),
        ('[tui.keys]\nruns.mark = "d"\n', "tui.keys.runs.mark: 'd' is the key of runs.diff as well. Give runs.diff another one, too."),
        ('[tui.keys]\nruns.mark = "Q"\n', "tui.keys.runs.mark: 'Q' is the key of quit as well."),
        ('[tui.keys]\nyes = "n"\n', "tui.keys.yes: 'n' is the key of no as well."),
        ('[tui.keys]\nquit = "?"\n', "tui.keys.quit: 'question_mark' is the key of help as well."),
    ],
)
def test_what_is_wrong_is_said_with_what_there_is(config: Path, text: str, told: str) -> None:
    config.write_text(text)
    with pytest.raises(UsageError) as error:
        settings.read()
    assert str(config) in str(error.value)
    assert told in str(error.value)


def test_all_problems_are_said_at_once(config: Path) -> None:
    config.write_text('[tui]\ntheme = "x"\n[tui.keys]\na = "b"\nquit = 1\n')
    with pytest.raises(UsageError, match="has 3 problems:\n.*theme.*\n.*quit.*\n.*keys.a: "):
        settings.read()


def test_two_keys_may_be_swapped(config: Path) -> None:
    config.write_text('[tui.keys]\nruns.mark = "d"\nruns.diff = "m"\n')
    assert settings.read().keys == {"runs.mark": "d", "runs.diff": "m"}


def test_a_key_of_a_question_may_do_another_thing_where_nothing_is_asked(config: Path) -> None:
    config.write_text('[tui.keys]\ncopy = "y,Y"\ntheme = "n"\nruns.new = "a"\n')
    assert settings.read().keys["copy"] == "y,Y"


def test_the_command_ends_with_the_problem_before_it_draws_anything(config: Path) -> None:
    config.write_text('[tui.keys]\nquit = "pagedwn"\n')
    done = subprocess.run([sys.executable, "-m", "sracl", "tui"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "tui.keys.quit: 'pagedwn' is no key." in done.stderr
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, '[tui]\ntheme = "nord"\n'),
        ('[tui]\n# mine\ntheme = "dracula" # dark\nkeys.quit = "f8"\n', '[tui]\n# mine\ntheme = "nord"\nkeys.quit = "f8"\n'),
        ('[tui.keys]\nquit = "f8"', '[tui.keys]\nquit = "f8"\n[tui]\ntheme = "nord"\n'),
        ('[tui]\n\n[tui.keys]\nquit = "f8"\n', '[tui]\ntheme = "nord"\n\n[tui.keys]\nquit = "f8"\n'),
        ("[tui]", '[tui]\ntheme = "nord"\n'),
    ],
)
def test_a_theme_is_kept_and_the_rest_of_the_file_left(config: Path, before: str | None, after: str) -> None:
    if before is not None:
        config.write_text(before)
    settings.keep_theme("nord")
    assert config.read_text() == after
    assert settings.read().theme == "nord"


def test_a_theme_that_cannot_be_kept_leaves_the_file(config: Path) -> None:
    config.write_text('tui = { theme = "dracula" }\n')
    with pytest.raises(UsageError, match="could not be kept"):
        settings.keep_theme("nord")
    assert config.read_text() == 'tui = { theme = "dracula" }\n'


async def test_changed_keys_work_and_the_old_ones_do_not(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        add(store, "r1")
        add(store, "r2")
    config.write_text('[tui.keys]\nruns.mark = "f8"\nruns.diff = "m"\ndown = "ctrl+n"\nback = "f9"\n')
    app = SraclApp(path, settings.read())
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 2)
        table = app.screen.query_one(Rows)
        await pilot.press("j")
        assert table.cursor_row == 0
        await pilot.press("ctrl+n")
        assert table.cursor_row == 1
        await pilot.press("k", "f8", "f8", "m")
        assert isinstance(app.screen, DiffScreen)
        await pilot.press("q")
        assert isinstance(app.screen, DiffScreen)
        await pilot.press("f9")
        assert isinstance(app.screen, RunsScreen)


@pytest.mark.presses("SraclApp theme")
async def test_the_theme_is_kept_for_the_next_time(tmp_path: Path, config: Path) -> None:
    app = SraclApp(tmp_path / "store.db", settings.read())
    async with app.run_test() as pilot:
        await pilot.press("T")
        assert app.theme == LIGHT
        await until(pilot, config.is_file)
    assert settings.read().theme == LIGHT


async def test_a_theme_of_one_time_is_not_kept(tmp_path: Path, config: Path) -> None:
    async with SraclApp(tmp_path / "store.db", Settings(theme=LIGHT)).run_test() as pilot:
        await pilot.pause(0.2)
    assert not config.exists()
