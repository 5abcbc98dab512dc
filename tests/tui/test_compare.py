from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual.pilot import Pilot
from textual.widgets import Static
from textual.worker import WorkerCancelled

from sracl.compare.board import Leaderboard
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.compare.screen import CompareScreen
from sracl.tui.diff.screen import DiffScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.rows import Rows
from tests.tui.support import add, shows, text, until


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    file = tmp_path / ".sracl" / "store.db"
    with Store.open(file) as store:
        store.recipe("small", report={"baseline": "plain"}, source="small.toml")
        for seed in (1, 2):
            for variant, value in (("plain", 0.1), ("full", 0.2)):
                add(
                    store,
                    f"{variant}{seed}",
                    figures={"ndcg@10": value + seed / 100, "hr@10": 0.3},
                    variant=variant,
                    seed=seed,
                    values={"objective": {"cross": {"weight": value}}},
                    origins={"objective.cross.weight": f"small.toml:{seed}"},
                )
    return file


def exports(path: Path) -> list[Path]:
    return sorted(path.parent.parent.glob("leaderboard-*"))


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


@pytest.mark.presses("CompareScreen compare.baseline", "CompareScreen compare.recipe", "CompareScreen compare.users")
@pytest.mark.presses("CompareScreen compare.format", "CompareScreen compare.export", "CompareScreen back")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_the_leaderboard_with_baseline_formats_and_export(size: tuple[int, int], path: Path) -> None:
    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=size, notifications=True) as pilot:
            await press(pilot, "4")
            await shows(pilot, "leave-one-out, all items ranked, seen items kept", "vs plain", ".2150 ±.0071", "every recipe")
            await press(pilot, "b")
            await shows(pilot, "Compare with")
            await press(pilot, "j", "j", "enter")  # the report's, plain, full
            await shows(pilot, "vs full", "baseline: full")
            await press(pilot, "b", "escape")
            assert isinstance(app.screen, CompareScreen)
            await press(pilot, "r")
            await shows(pilot, "(every recipe)")
            await press(pilot, "j", "enter")
            await shows(pilot, "small · users: all · baseline: of the report")
            await press(pilot, "u", "enter")
            await press(pilot, "f")
            await shows(pilot, "| --- | ---: |", "markdown")
            await press(pilot, "x")
            await until(pilot, lambda: bool(exports(path)))
            await shows(pilot, "Written to")
            (file,) = exports(path)
            assert file.suffix == ".md"
            assert "| full | 2 |" in file.read_text()
            await press(pilot, "f")
            await shows(pilot, "toprule", "latex")
            await press(pilot, "f", "f")
            await press(pilot, "x")
            await until(pilot, lambda: len(exports(path)) == 2)
            written = json.loads(next(file for file in exports(path) if file.suffix == ".json").read_text())
            assert written["data"][0]["rows"][0]["figures"]["ndcg@10"]["n"] == 2
            await press(pilot, "q")
            assert isinstance(app.screen, RunsScreen)

    asyncio.run(script())


def rows_of(app: SraclApp) -> list[str]:
    return [word for line in text(app).splitlines() for word in line.split() if word in ("plain", "full") and "vs" not in line]


@pytest.mark.presses("CompareScreen filter", "CompareScreen sort", "CompareScreen reverse", "CompareScreen back")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_rows_are_found_and_sorted_and_exported_so(size: tuple[int, int], path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=size) as pilot:
        await press(pilot, "4")
        await shows(pilot, ".2150")
        assert rows_of(app) == ["plain", "full"]
        await press(pilot, "S")  # nothing is sorted yet
        assert rows_of(app) == ["plain", "full"]
        await press(pilot, "s")
        await shows(pilot, "Sort by", "(by recipe)", "NDCG@10")
        await press(pilot, "G", "enter")
        await shows(pilot, "NDCG@10v")
        assert rows_of(app) == ["full", "plain"]
        await press(pilot, "S")
        await shows(pilot, "NDCG@10^")
        assert rows_of(app) == ["plain", "full"]
        await press(pilot, "s", "escape")
        assert "NDCG@10^" in text(app)
        await press(pilot, "S", "slash", *"SMALL ful", "enter")
        await until(pilot, lambda: rows_of(app) == ["full"])
        await shows(pilot, "like SMALL ful", "vs plain", "NDCG@10v")
        await press(pilot, "slash", "x", "escape")  # as it was
        assert isinstance(app.screen, CompareScreen)
        assert rows_of(app) == ["full"]
        await press(pilot, "x")
        await until(pilot, lambda: bool(exports(path)))
        assert ".2150" in exports(path)[0].read_text()
        assert ".1150" not in exports(path)[0].read_text()
        await press(pilot, "slash", "end", "x", "enter")
        await shows(pilot, "No row is like SMALL fulx; / changes the filter.")
        await press(pilot, "slash", "backspace", "enter", "s", "g", "enter")  # all of it is selected
        await until(pilot, lambda: rows_of(app) == ["plain", "full"] and "NDCG@10v" not in text(app))


@pytest.mark.presses("CompareScreen compare.tests")
def test_differences_are_tested_when_asked(path: Path) -> None:
    with Store.open(path) as store:
        store.recipe("tested", report={}, source="tested.toml")
        for run_id, hits in (("plain3", 10), ("full3", 60)):
            ranks = np.repeat([1, 20], [hits, 190 - hits]).astype(np.int32)
            np.savez(path.parent / f"{run_id}.npz", **{"test.keep": ranks, "test.exclude": ranks, "test.users": np.arange(190)})  # type: ignore[arg-type]
            add(store, run_id, figures={"hr@10": hits / 190}, variant=run_id[:-1], recipe="tested")
            store.artifact(run_id, name="ranks", path=str(path.parent / f"{run_id}.npz"), digest="", size=1, facts={})

    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await press(pilot, "4", "r", "j", "j", "enter")
            await shows(pilot, "tested · users: all", ".3158")
            assert "†" not in text(app)
            await press(pilot, "t")
            await shows(pilot, ".3158†", "table · tests", "† more than noise over users", "HR@10 minus that of plain (n = 1):")
            await press(pilot, "t")
            await until(pilot, lambda: "†" not in text(app))

    asyncio.run(script())


def test_tests_that_end_late_do_not_replace_what_was_asked_for_since(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(store: object, board: Leaderboard) -> Leaderboard:
        begun.set()
        may_end.wait(300)
        ended.set()
        return replace(board, notes=("tested",))

    monkeypatch.setattr("sracl.compare.significance.with_tests", slow)

    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await press(pilot, "4")
            await shows(pilot, "vs plain")
            await press(pilot, "t")
            await until(pilot, begun.is_set)
            await press(pilot, "t", "b")
            await shows(pilot, "Compare with")
            await press(pilot, "j", "j", "enter")
            await shows(pilot, "vs full")
            may_end.set()
            await until(pilot, ended.is_set)
            await pilot.pause(0.3)
            assert "vs full" in text(app)
            assert "tested" not in text(app)

    asyncio.run(script())


def test_a_finished_run_appears_by_itself(path: Path) -> None:
    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await press(pilot, "4")
            await shows(pilot, "vs plain")
            with Store.open(path) as store:
                add(store, "late", figures={"ndcg@10": 0.5, "hr@10": 0.5}, variant="late")
            await shows(pilot, "late")

    asyncio.run(script())


@pytest.fixture
def laid_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the texts that were laid out, one for every time."""
    seen: list[str] = []
    update = Static.update

    def counted(widget: Static, *arguments: Any, **named: Any) -> None:
        seen.append(widget.id or "")
        update(widget, *arguments, **named)

    monkeypatch.setattr(Static, "update", counted)
    return seen


@pytest.mark.parametrize(("keys", "shown", "name"), [(("4",), ".2150", "board"), (("m", "m", "d"), "cross.weight", "diff")])
async def test_what_is_the_same_after_a_commit_is_not_laid_out_again(
    path: Path, laid_out: list[str], keys: tuple[str, ...], shown: str, name: str
) -> None:
    app = SraclApp(path)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 4)
        await pilot.press(*keys)
        await shows(pilot, shown)
        await pilot.pause(0.3)
        before = laid_out.count(name)
        for _ in range(3):
            await refreshed(app)
        assert laid_out.count(name) == before


async def refreshed(app: SraclApp) -> None:
    """Has the screen look at the store anew, until it has."""
    while True:
        with suppress(WorkerCancelled):  # by one that a commit began meanwhile
            await app.screen.refresh_rows().wait()  # type: ignore[attr-defined]
            return


async def test_the_heading_says_while_the_figures_are_not_yet_those_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("4")
        await shows(pilot, ".2150")
        assert "reading" not in text(app)
        may_end = threading.Event()

        def slow(_: object, board: Leaderboard) -> Leaderboard:
            may_end.wait(300)
            return board

        monkeypatch.setattr("sracl.compare.significance.with_tests", slow)
        await pilot.press("t")
        await shows(pilot, "tests · reading …")
        may_end.set()
        await until(pilot, lambda: "reading" not in text(app) and "· tests" in text(app))


@pytest.mark.presses("RunsScreen runs.mark", "RunsScreen runs.diff", "DiffScreen diff.all", "DiffScreen back")
def test_marked_runs_are_put_side_by_side(path: Path) -> None:
    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await until(pilot, lambda: app.screen.query_one(Rows).row_count == 4)
            await press(pilot, "d")
            await shows(pilot, "Mark two or more runs first")
            await press(pilot, "m", "m")
            await until(pilot, lambda: sum(str(app.screen.query_one(Rows).get_row_at(row)[1]) == "*" for row in range(4)) == 2)
            await press(pilot, "m", "k", "m")  # a third one, and it is taken away again
            await press(pilot, "d")
            assert isinstance(app.screen, DiffScreen)
            await shows(pilot, "full2", "plain2", "objective.cross.weight", "0.2", "0.1", "test.ndcg@10, seen items kept")
            assert "hr@10" not in text(app)
            await press(pilot, "a")
            await shows(pilot, "seed")
            await press(pilot, "j", "k", "q")
            assert isinstance(app.screen, RunsScreen)

    asyncio.run(script())


def test_an_empty_project_says_so(tmp_path: Path) -> None:
    async def script() -> None:
        app = SraclApp(tmp_path / "store.db")
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await press(pilot, "4")
            await shows(pilot, "There is no run yet.")
            await press(pilot, "1")
            assert isinstance(app.screen, RunsScreen)

    asyncio.run(script())
