"""What the runs show of each run, and what is read for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList, Static

from sracl import letters
from sracl.tracking import identity, progress
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.widgets.rows import Rows
from tests.tui.support import add, shows, text, until

ALIVE = identity.current()
WIDE = (140, 24)


def begin(store: Store, run_id: str, *, epochs: int = 40, device: str = "cpu", **process: Any) -> None:
    add(store, run_id, values={"train": {"epochs": epochs}, "evaluation": {"cutoffs": [10]}})
    store.start(run_id, {**ALIVE, **process}, {"device": device})


def epoch(store: Store, run_id: str, number: int, value: float) -> None:
    store.log(run_id, number, {"loss": 1.0, "valid.mrr@10": value, "seconds.train": 9.0, "seconds.validate": 1.0})


def line(app: SraclApp, run_id: str) -> str:
    return next((shown for shown in text(app).splitlines() if shown.split()[:1] == [run_id]), "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A run in every state that there is."""
    with Store.open(tmp_path / "store.db") as store:
        add(store, "planned")
        processes: dict[str, dict[str, Any]] = {
            "running": {},
            "silent": {},
            "stuck": {},
            "gone": {"pid_started": -1.0},
            "far": {"host": "elsewhere"},
        }
        for name, process in processes.items():
            begin(store, name, **process)
            epoch(store, name, 1, 0.1)
        store.beat("stuck", f"{identity.NO_STEP}12 min")
        for name in ("completed", "failed", "cancelled"):
            begin(store, name)
            epoch(store, name, 1, 0.1)
            store.finish(name, name)  # type: ignore[arg-type]
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("UPDATE run SET heartbeat = '2026-01-01 00:00:00.000000' WHERE id IN ('silent', 'far')")
    return tmp_path / "store.db"


STATES = {
    "planned": "○ planned",
    "running": "● running",
    "silent": "! stalled",
    "stuck": "? stalled?",
    "gone": "~ interrupted",
    "far": "? stale?",
    "completed": "✓ completed",
    "failed": "✗ failed",
    "cancelled": "– cancelled",
}


@pytest.mark.parametrize("ascii", [False, True])
async def test_every_state_is_a_sign_and_a_word(path: Path, ascii: bool) -> None:
    app = SraclApp(path, ascii=ascii)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "9 runs, 1 running, 1 planned, 1 stalled, 1 stalled?, 1 stale?, 1 completed,", "1 interrupted, 1 cancelled")
        for run_id, state in STATES.items():
            sign, _, word = state.partition(" ")
            expected = f"{letters.near(sign) if ascii and not sign.isascii() else sign} {word}"
            assert f" {expected} " in line(app, run_id), text(app)


async def test_only_a_run_under_way_says_how_long_it_takes_at_most(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "≤ 7 min" in line(app, "running"))
        assert [run_id for run_id in STATES if "≤" in line(app, run_id)] == ["running"]
        assert "1/40" in line(app, "completed")
        with Store.open(path) as store:
            epoch(store, "running", 32, 0.1)
            await until(pilot, lambda: "≤ 80 s" in line(app, "running"))
            store.finish("running", "completed")
        await until(pilot, lambda: "completed" in line(app, "running"))
        assert "≤" not in text(app)


async def test_a_trend_follows_new_epochs_for_which_no_other_run_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[str]] = []
    courses = progress.courses

    def counted(store: Any, runs: Any, *, parts: int) -> Mapping[str, Any]:
        read.append([run.id for run in runs])
        return courses(store, runs, parts=parts)

    monkeypatch.setattr("sracl.tracking.progress.courses", counted)
    app = SraclApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "⠄" in line(app, "running"))
        assert sorted(read[0]) == sorted(STATES)
        before = len(read)
        with Store.open(path) as store:
            for number, trend in ((2, "⡈"), (3, "⡀⠊"), (4, "⡠⠊")):
                epoch(store, "running", number, number / 10)
                await until(pilot, lambda trend=trend: f" {trend} " in line(app, "running"))  # type: ignore[misc]
            assert "0.4000" in line(app, "running")
            for number in range(5, 31):
                epoch(store, "running", number, 0.0)
            await until(pilot, lambda: "30/40" in line(app, "running"))
        again = [run_id for ids in read[before:] for run_id in ids]
        assert set(again) == {"running"}
        assert len(again) <= 29


async def test_in_ascii_a_trend_is_ascii(path: Path) -> None:
    with Store.open(path) as store:
        for number, value in enumerate((0.1, 0.2, 0.1), start=1):
            epoch(store, "running", number, value)
    app = SraclApp(path, ascii=True)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: " .'. " in line(app, "running"))
        assert "< 7 min" in line(app, "running")
        assert text(app).isascii()


async def test_columns_come_and_go_with_the_width_of_the_terminal_and_the_cursor_stays(path: Path) -> None:
    with Store.open(path) as store:
        epoch(store, "running", 2, 0.25)
        add(store, "long", recipe="ablation-of-everything", variant="without cross", dataset="office")
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "10 runs")
        table = app.screen.query_one(Rows)

        def header() -> list[str]:
            return next(shown.split() for shown in text(app).splitlines() if shown.split()[:1] == ["run"])

        assert header() == ["run", "m", "state", "recipe", "data", "seed", "epoch", "left", "best"]
        await until(pilot, lambda: "…hout cross" in line(app, "long"))
        await pilot.press(*"jjj", "m")
        under_cursor = table.selected_key
        await pilot.resize_terminal(160, 24)
        await until(
            pilot,
            lambda: header() == ["run", "m", "state", "recipe", "data", "seed", "epoch", "left", "best", "valid", "trend", "device", "age"],
        )
        assert "ablation-of-everything/without cross" in line(app, "long")
        assert " 0.2500  mrr@10 " in line(app, "running")
        assert table.selected_key == under_cursor
        assert sum(" * " in shown for shown in text(app).splitlines()) == 1
        await pilot.press("s", *"jjjjjjj", "enter")
        await until(pilot, lambda: "epoch^" in header())
        await pilot.resize_terminal(96, 24)
        await until(pilot, lambda: header() == ["run", "m", "state", "recipe", "data", "seed", "epoch^", "left", "best", "trend"])
        assert table.selected_key == under_cursor


async def test_a_column_appears_when_there_is_something_to_say(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store:
        add(store, "first")
        app = SraclApp(tmp_path / "store.db")
        async with app.run_test(size=WIDE) as pilot:
            await shows(pilot, "1 run, 0 running, 1 planned")
            assert not {"left", "trend", "device"} & set(text(app).split())
            store.start("first", ALIVE, {"device": "cpu"})
            epoch(store, "first", 1, 0.5)
            await shows(pilot, "trend", "device", "0.5000")


async def test_the_device_is_the_one_that_the_job_has(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.db") as store:
        begin(store, "first", device="cuda")
        begin(store, "second", device="cuda")
        begin(store, "third", device="cuda")
        store.finish("third", "completed")
    with closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        for run_id in ("second", "third"):
            connection.execute(
                "INSERT INTO job (run_id, label, command, folder, log, environment, resources, priority, state, wanted, reason, attempt, "
                "device, created) VALUES (?, '', '[]', '', '', '{}', '{}', 0, ?, '', '', 1, 'GPU-5e01f3aa-77', '2026-01-01 00:00:00')",
                [run_id, "running" if run_id == "second" else "completed"],
            )
    app = SraclApp(tmp_path / "store.db")
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: " GPU-5e01f3aa " in line(app, "second"))
        assert " cuda " in line(app, "first") and " cuda " in line(app, "third")


async def test_what_has_no_order_in_the_store_is_not_offered_to_sort_by(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "9 runs")
        await pilot.press("s")
        offered = {str(option.prompt) for option in app.screen.query_one(OptionList).options}
        assert offered == {"(as they come)", "run", "m", "state", "recipe", "data", "seed", "epoch", "best", "age"}
        await pilot.press("escape")
        table = app.screen.query_one(Rows)
        for title in ("trend", "best"):
            await pilot.click(Rows, offset=(text(app).splitlines()[0].index(title), 0))
            await pilot.pause()
            assert table.sorted_by == (None if title == "trend" else "best")
        assert "9 runs" in str(app.screen.query_one("#totals", Static).render())
