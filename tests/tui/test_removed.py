"""Runs that are removed while they are looked at: the interface says so and goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sracl import paths
from sracl.compare.leaderboard import leaderboard
from sracl.runs.removal import remove
from sracl.tracking import queries
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.diff.screen import DiffScreen
from sracl.tui.run.screen import RunScreen
from sracl.tui.widgets.rows import Rows
from tests.tui.support import add, shows, text, until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def told(app: SraclApp) -> list[str]:
    return [note.message for note in app._notifications]


def test_runs_vanish_under_every_screen_that_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.delenv("SRACL_DB", raising=False)

    async def script() -> None:
        with Store.open(paths.store_file()) as store:
            for place, run_id in enumerate(("first", "second", "third", "fourth")):
                add(store, run_id, variant=run_id, figures={"hr@10": 0.1 * place}, values={"place": place})
            removed = "Run fourth was removed; what is shown is how it was."
            app = SraclApp(paths.store_file())
            async with app.run_test(size=(100, 24)) as pilot:
                await until(pilot, lambda: app.screen.query_one(Rows).row_count == 4)
                await pilot.press("enter")  # the newest, which stands first
                await until(pilot, lambda: isinstance(app.screen, RunScreen) and "run      fourth" in text(app))
                remove(store, [queries.run(store, "fourth")])
                await until(pilot, lambda: told(app) == [f"{removed}\nM shows all messages again."])
                store.log("first", 1, {"loss": 1.0})  # at which everything is read again
                await pilot.pause(1.0)
                assert len(told(app)) == 1  # and nothing said again
                app.clear_notifications()
                await until(pilot, lambda: text(app).count(removed) == 1)
                assert "run      fourth" in text(app)
                await pilot.press("q")
                await until(pilot, lambda: app.screen.query_one(Rows).row_count == 3)
                await pilot.press("m", "j", "m", "d")
                await until(pilot, lambda: isinstance(app.screen, DiffScreen) and "third" in text(app))
                remove(store, [queries.run(store, "third")])
                await until(pilot, lambda: any("There is no run 'third'" in note for note in told(app)))
                await pilot.press("q", "4")
                await shows(pilot, "second")
                remove(store, [queries.run(store, "second")])
                await until(pilot, lambda: " second" not in text(app))
                await pilot.press("1")
                await until(pilot, lambda: app.screen.query_one(Rows).row_count == 1)
            assert app.return_code in (0, None)

    asyncio.run(script())


def test_a_leaderboard_holds_what_is_left_between_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.delenv("SRACL_DB", raising=False)
    with Store.open(paths.store_file()) as store:
        for run_id in ("first", "second"):
            add(store, run_id, variant=run_id, figures={"hr@10": 0.1})
        look = queries.entries

        def then_another_process_removes(reader: Reader, recipes: list[str] | None = None) -> list[queries.EntryRow]:
            found = look(reader, recipes)
            remove(store, [queries.run(store, "first")])
            return found

        monkeypatch.setattr(queries, "entries", then_another_process_removes)
        with Reader.open(paths.store_file()) as reader:
            board = leaderboard(reader)
    assert [row.runs for block in board.blocks for row in block.rows] == [("second",)]
