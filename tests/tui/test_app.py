from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input, Static

from sracl.cli.app import main
from sracl.errors import UsageError
from sracl.tracking import identity, tagging
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.runs.wanted import wanted
from sracl.tui.widgets.key_list import KeyList
from sracl.tui.widgets.rows import Rows
from tests.tui import support
from tests.tui.support import add

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


def keys(app: SraclApp) -> list[str | None]:
    return [row.key.value for row in app.screen.query_one(Rows).ordered_rows]


async def until(app: SraclApp, pilot: Pilot[None], expected: list[str]) -> None:
    await support.until(pilot, lambda: keys(app) == expected)


def test_runs_appear_as_they_are_registered_and_the_cursor_stays_on_its_run(tmp_path: Path) -> None:
    async def script() -> None:
        path = tmp_path / "store.db"
        app = SraclApp(path)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause(0.1)
            assert "no run yet" in str(app.screen.query_one("#totals", Static).render())
            with Store.open(path) as store:
                add(store, "first")
                add(store, "second")
                await until(app, pilot, ["second", "first"])
                await pilot.press("j")
                assert app.screen.query_one(Rows).selected_key == "first"
                add(store, "third", dataset="office")
                await until(app, pilot, ["third", "second", "first"])
                assert app.screen.query_one(Rows).selected_key == "first"
                store.start("first", identity.current())
                store.log("first", 1, {"valid.mrr@10": 0.25})
                await support.shows(pilot, "● running", "0.2500")
                tagging.tag(store, ["second"], add=["old"])
                await support.shows(pilot, "small #old")
            await pilot.press("slash", *"data:office", "enter")
            await until(app, pilot, ["third"])
            assert app.screen.query_one(Rows).has_focus
            await support.shows(pilot, "1 run like data:office, 0 running")
            await pilot.press("slash", *(["backspace"] * len("data:office")), *"tag:old", "enter")
            await until(app, pilot, ["second"])

    asyncio.run(script())


@pytest.mark.presses("RunsScreen filter", "RunsScreen runs.leave_filter", "SraclApp quit")
def test_keys_of_the_frame(tmp_path: Path) -> None:
    async def script() -> None:
        app = SraclApp(tmp_path / "store.db")
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("T")
            assert app.theme == "textual-light"
            await pilot.press("question_mark")
            assert isinstance(app.screen, KeyList)
            await pilot.press("q", "slash")
            assert app.screen.query_one(Input).has_focus
            await pilot.press("escape")
            assert app.screen.query_one(Rows).has_focus
            await pilot.press("Q")
        assert not (tmp_path / "store.db").exists()

    asyncio.run(script())


def test_a_filter_that_is_none_says_what_is() -> None:
    assert wanted("state:running data:office") == {"state": "running", "dataset": "office"}
    with pytest.raises(UsageError, match=r"'sracl' is no filter. Write state:VALUE, recipe:VALUE, data:VALUE"):
        wanted("sracl")
    with pytest.raises(UsageError, match=r"No run is ever 'runing'. Did you mean 'running'\? States: planned, running, .*completed"):
        wanted("data:office state:runing")


def test_it_loads_no_tensor_library() -> None:
    script = "import sys, sracl.tui.app; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "textual" in loaded
    assert not {"torch", "transformers", "openai", "sklearn", "sqlmodel"} & set(loaded)


async def until_told(pilot: Pilot[None], *words: str) -> None:
    await support.until(pilot, lambda: all(any(word in told.message for told in pilot.app._notifications) for word in words))


async def test_a_damaged_store_is_said_on_the_screen_and_watched_again_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sracl.tui.app._RENEWAL", 0.3)
    path = tmp_path / "store.db"
    path.write_bytes(b"no SQLite file, but long enough to be looked into" * 100)
    app = SraclApp(path)
    async with app.run_test(notifications=True) as pilot:
        await until_told(pilot, "is damaged", "cannot be watched")
        await pilot.pause(1)
        assert sum("cannot be watched" in told.message for told in app._notifications) == 1  # though it was tried several times
        path.unlink()
        with Store.open(path) as store:
            add(store, "r1")
            await until_told(pilot, "watched again")
            await until(app, pilot, ["r1"])
            add(store, "r2")
            await until(app, pilot, ["r2", "r1"])


async def test_a_store_that_took_the_place_of_another_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        add(store, "r1")
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await until(app, pilot, ["r1"])
        path.rename(tmp_path / "old.db")
        with Store.open(path) as store:
            add(store, "r2")
            await until(app, pilot, ["r2"])
            add(store, "r3")
            await until(app, pilot, ["r3", "r2"])


async def test_a_store_that_is_gone_is_shown_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sracl.tui.app._RENEWAL", 3600.0)
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        add(store, "r1")
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(app, pilot, ["r1"])
        with Store.open(path) as store:
            add(store, "r2")
            await until(app, pilot, ["r2", "r1"])  # it is watched
        for file in tmp_path.glob("store.db*"):
            file.unlink()
        await support.shows(pilot, "There is no run yet.")


def test_it_ends_with_a_code_of_its_own_when_it_breaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(_: SraclApp) -> None:
        raise RuntimeError("out of the blue")

    run = SraclApp.run
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setattr(SraclApp, "run", lambda app: run(app, headless=True))
    monkeypatch.setattr(SraclApp, "on_mount", break_off)
    assert main(["tui"]) == 1


async def test_an_error_that_nobody_foresaw_is_said_on_the_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(tmp_path / "store.db") as store:
        add(store, "r1")

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of the blue")

    monkeypatch.setattr("sracl.tracking.progress.courses", fail)
    async with SraclApp(tmp_path / "store.db").run_test(notifications=True) as pilot:
        await until_told(pilot, "RuntimeError: out of the blue")


async def test_a_store_of_a_newer_version_is_shown_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store:
        add(store, "abc123")
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO schemaversion VALUES (99, '2030-01-01 00:00:00.000000')")
    app = SraclApp(path)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await support.until(pilot, lambda: any("written by a newer sracl" in note.message for note in app._notifications))
        await support.shows(pilot, "abc123", "planned")


@pytest.mark.presses("RunsScreen runs.next_page", "RunsScreen runs.page_before")
async def test_runs_are_shown_a_page_at_a_time_sorted_and_filtered_over_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sracl.tui.runs.screen._PAGE", 3)
    with Store.open(tmp_path / "store.db") as store:
        for number in range(8):
            add(store, f"r{number}", seed=(number * 5) % 8, dataset="odd" if number % 2 else "even")
    app = SraclApp(tmp_path / "store.db")
    async with app.run_test() as pilot:
        await until(app, pilot, ["r7", "r6", "r5"])
        await support.shows(pilot, "1 to 3 of 8 runs, < and > turn pages, 0 running")
        await pilot.press("greater_than_sign")
        await until(app, pilot, ["r4", "r3", "r2"])
        await pilot.press("greater_than_sign", "greater_than_sign")
        await until(app, pilot, ["r1", "r0"])
        await pilot.press("less_than_sign")
        await until(app, pilot, ["r4", "r3", "r2"])
        await pilot.press("s", *"jjjjjj", "enter")  # by seed: 0 5 2 7 4 1 6 3 of r0 to r7
        await until(app, pilot, ["r0", "r5", "r2"])
        await pilot.press("greater_than_sign")
        await until(app, pilot, ["r7", "r4", "r1"])
        await pilot.press("S")
        await until(app, pilot, ["r3", "r6", "r1"])
        await pilot.press("slash", *"data:odd", "enter")
        await until(app, pilot, ["r3", "r1", "r7"])
        await support.shows(pilot, "1 to 3 of 4 runs like data:odd")
