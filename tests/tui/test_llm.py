"""What language models were asked and cost, as it goes on in other processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from sracl.llm_providers.allowance import Ceiling
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.desk import Desk, Paid
from sracl.llm_providers.ledger import PICODOLLARS
from sracl.llm_providers.request import Request
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.llm.screen import LlmScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.text_screen import TextScreen
from tests.tui.support import add, shows, text, until

CENT = PICODOLLARS // 100


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path / "paper"))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "paper" / ".sracl" / "store.db"


def request(number: int, model: str = "small") -> Request:
    return Request(f"http://{model}.example/v1", model, {"messages": [{"content": f"say {number}"}]}, 0)


def settle(desk: Desk, numbers: range, model: str = "small", why: str = "") -> None:
    with desk.write() as entry:
        for number in numbers:
            attempt = entry.begin(request(number, model), 2 * CENT)
            assert isinstance(attempt, int)
            if why:
                entry.end(attempt, "rejected", why, paid=Paid(100, 20, 0, CENT), for_good=True)
            else:
                entry.answer(attempt, "yes", Paid(100, 20, 40, CENT))


async def visit(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
    await pilot.press("8")
    await until(pilot, lambda: isinstance(pilot.app.screen, LlmScreen))


def line(app: SraclApp, name: str) -> list[str]:
    return next((shown.split() for shown in text(app).splitlines() if shown.split()[:1] == [name]), [])


@pytest.mark.presses("SraclApp screen.llm", "LlmScreen back")
async def test_what_is_asked_is_followed_as_it_goes_on_and_ends(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await visit(pilot)
        await shows(pilot, "Nothing was asked yet.", "sracl llm run RECIPE")
        ceiling = Ceiling(0.5)
        with Desk(Answers()) as desk:
            settle(desk, range(3))
            await until(pilot, lambda: line(app, "small")[:4] == ["small", "3", "0", "0"])
            desk.declare(request(0), [ceiling])
            settle(desk, range(3, 5), why="is empty")
            with desk.write() as entry:
                entry.begin(request(9), 2 * CENT)
            await until(pilot, lambda: line(app, "small")[1:4] == ["3", "1", "2"])
            await shows(pilot, "0.0700 of 0.5", "0.050000 dollars altogether", " 0.020000 besides")
            await shows(pilot, "500 tokens in (120 of them known), 100 out")
            assert "process  project" in text(app)
            settle(desk, range(5), model="large")
            await until(pilot, lambda: line(app, "large")[1:4] == ["5", "0", "0"])
        await until(pilot, lambda: "process" not in text(app))
        await until(pilot, lambda: line(app, "small")[:4] == ["small", "3", "0", "2"])
        await shows(pilot, "0.100000 dollars altogether", "0.020000 besides")
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


@pytest.mark.presses("LlmScreen llm.failures")
async def test_failures_are_told_with_their_reasons_model_by_model(path: Path) -> None:
    with Desk(Answers()) as desk:
        settle(desk, range(3), why="has no JSON object in it")
        settle(desk, range(3, 4), why="is empty")
        settle(desk, range(2), model="large", why="is too long")
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await visit(pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        await shows(pilot, "small at http://small.example/v1", "3  the reply has no JSON object in it", "1  the reply is empty")
        await shows(pilot, "2  rejected: is too long")


async def test_texts_of_the_project_are_told_once_however_many_runs_use_them(path: Path) -> None:
    facts = {"asked": 40, "known": 10, "failed": 1, "dollars": 0.25, "lost": 0, "dollars_in_doubt": 0.0}
    with Store.open(path) as store:
        for run_id in ("first", "second"):
            add(store, run_id)
            for digest, said in (("aa", {"model": "small", "server": "small.example", **facts}), ("bb", {})):
                told = {"dataset": "beauty", "llm": said}
                store.artifact(run_id, name=f"texts-{digest}", path="", digest=digest, size=1, facts=told)
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await visit(pilot)
        await shows(pilot, "texts of this project")
        assert line(app, "beauty") == ["beauty", "by", "small", "at", "small.example", "50", "1", "0.2500"]
        assert app.screen.query_one("#texts", Rows).row_count == 1


async def test_a_writer_is_not_held_up_and_nothing_is_written(path: Path, tmp_path: Path) -> None:
    with Desk(Answers()) as desk:
        settle(desk, range(3))
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*")}
    app = SraclApp(path, read_only=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await visit(pilot)
        await until(pilot, lambda: line(app, "small")[:2] == ["small", "3"])
        assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*")} == before
        with ExitStack() as held:
            writer = held.enter_context(closing(sqlite3.connect(Answers().file, timeout=0, isolation_level=None)))
            writer.execute("BEGIN IMMEDIATE")  # a transaction that is under way keeps nobody from reading
            writer.execute("UPDATE requests SET failure = 'x' WHERE 0")
            await pilot.press("f")
            await shows(pilot, "Nothing has failed.")
            await pilot.press("q")
            writer.execute("COMMIT")
            for _ in range(50):  # at once, without waiting for a reader
                writer.execute("BEGIN IMMEDIATE")
                writer.execute("DELETE FROM requests WHERE reply IS NOT NULL AND key = (SELECT max(key) FROM requests)")
                writer.execute("COMMIT")
                await pilot.pause(0.01)
        await shows(pilot, "Nothing was asked yet.")


async def test_a_damaged_file_is_told(path: Path) -> None:
    Answers().file.parent.mkdir()
    Answers().file.write_bytes(b"no database" * 1000)
    app = SraclApp(path)
    async with app.run_test(size=(100, 24), notifications=True) as pilot:
        await visit(pilot)
        await until(pilot, lambda: any("cannot be used" in told.text for told in app._said))


async def test_two_servers_of_one_model_have_names_of_their_own_and_all_columns_in_a_wide_terminal(path: Path) -> None:
    with Desk(Answers()) as desk, desk.write() as entry:
        for host in ("one", "two"):
            attempt = entry.begin(Request(f"http://{host}/v1", "small", {"messages": []}), CENT)
            assert isinstance(attempt, int)
            entry.end(attempt, "lost", "the connection broke")
    app = SraclApp(path)
    async with app.run_test(size=(160, 30)) as pilot:
        await visit(pilot)
        await shows(pilot, "small at one", "small at two", "in doubt", "open", "lost", "provider")
        assert len(line(app, "model")) > 9


def test_the_screen_loads_neither_torch_nor_what_asks_servers() -> None:
    heavy = {"torch", "transformers", "openai", "sqlmodel"}
    script = f"import sys, sracl.tui.llm.screen; print(*({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip() == ""
