from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static, TabbedContent

from sracl.tracking import identity, tagging
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.run.log import JobLog
from sracl.tui.run.screen import RunScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.chart import Chart, drawn
from sracl.tui.widgets.rows import Rows
from tests.tui.support import add, shows, text, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.presses(
    "RunScreen run.overview",
    "RunScreen run.charts",
    "RunScreen run.recipe",
    "RunScreen run.artifacts",
    "RunScreen run.environment",
    "RunScreen back",
)
def test_a_run_opens_with_its_curves_and_values_and_goes_back(tmp_path: Path) -> None:
    async def script() -> None:
        path = tmp_path / "store.db"
        with Store.open(path) as store:
            store.register(
                run_id="r1", digest="r1", recipe="small", variant="", cell={}, seed=7, label="r1", dataset="demo",
                values={"train": {"epochs": 3, "precision": "float32", "phase": [], "own": True, "none": None}},
                origins={"train.epochs": "small.toml:4"}, leaky=(), folder="", environment={"torch": "2"},
            )  # fmt: skip
            store.start("r1", identity.current())
            store.log("r1", 1, {"loss": 2.0, "valid.mrr@10": 0.1})
            tagging.tag(store, ["r1"], add=["final"])
            tagging.note(store, "r1", "the one to report")
            store.metrics("r1", split="test", protocol={"seen_items": "exclude"}, group="history<7", values={"hr@10": 0.25}, count=100)
            app = SraclApp(path)
            async with app.run_test(size=(80, 24)) as pilot:
                while not app.screen.query_one(Rows).row_count:
                    await pilot.pause(0.05)
                await pilot.press("enter")
                await until(pilot, lambda: isinstance(app.screen, RunScreen) and len(app.screen.query(Chart)) == 2)
                texts = {name: str(app.screen.query_one(f"#{name}-text", Static).render()) for name in ("overview", "recipe", "artifacts")}
                assert "seed     7" in texts["overview"]
                assert "recipe   small #final" in texts["overview"]
                assert "note     the one to report" in texts["overview"]
                assert [line.split() for line in texts["overview"].splitlines()[-3:]] == [
                    ["test,", "seen", "items", "excluded", "history<7"],
                    ["users", "100"],
                    ["hr@10", "0.2500"],
                ]
                assert texts["recipe"].splitlines() == [
                    "train.epochs = 3    (small.toml:4)",
                    'train.precision = "float32"',
                    "train.phase = []",
                    "train.own = true",
                    "train.none = nothing",
                ]
                assert texts["artifacts"] == "no file yet"
                assert not app.screen.query_one("#charts-text").display
                for key, tab in {"C": "charts", "r": "recipe", "a": "artifacts", "E": "environment", "o": "overview"}.items():
                    await pilot.press(key)
                    assert app.screen.query_one(TabbedContent).active == tab
                await pilot.press("C")
                store.log("r1", 2, {"loss": 1.5})

                def loss() -> str:
                    return next(chart for chart in app.screen.query(Chart) if chart.name == "loss").render().plain

                await until(pilot, lambda: loss().startswith("loss: 1.5 at epoch 2"))
                await pilot.press("q")
                assert isinstance(app.screen, RunsScreen)

    asyncio.run(script())


@pytest.mark.parametrize(
    ("points", "lines"),
    [
        ([(0, 0.0), (1, 1.0)], ["\u2848"]),
        ([(0, 1.0)], ["\u2804"]),
    ],
)
def test_a_chart_of_one_cell(points: list[tuple[int, float]], lines: list[str]) -> None:
    assert drawn(points, width=1, height=1) == lines


def test_a_chart_keeps_the_extremes_of_many_epochs_in_a_column() -> None:
    points = [(epoch, float(epoch == 500)) for epoch in range(1001)]
    assert all(line[5] != "\u2800" for line in drawn(points, width=10, height=3))  # from the bottom to the peak


@pytest.fixture
def app(tmp_path: Path) -> SraclApp:
    with Store.open(tmp_path / "store.db") as store:
        add(store, "r1", folder=str(tmp_path / "r1"), values={"train": {"epochs": 3}})
    return SraclApp(tmp_path / "store.db")


@pytest.mark.presses("RunScreen run.logs", "JobLog first", "JobLog last", "JobLog up", "JobLog down", "JobLog copy")
async def test_the_log_is_followed_until_one_moves_up_in_it(app: SraclApp, tmp_path: Path) -> None:
    file = tmp_path / "r1" / "log.txt"
    file.parent.mkdir()
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "r1")
        await pilot.press("enter", "l")
        await shows(pilot, "Nothing is here: the run has not begun yet")
        file.write_text("".join(f"line {number}\n" for number in range(100)))
        await shows(pilot, "line 99")
        await until(pilot, lambda: "Nothing is here" not in text(app))
        with file.open("a") as log:
            log.write("line 100\n")
        await shows(pilot, "line 100")
        await pilot.press("g")
        await shows(pilot, "line 0")
        with file.open("a") as log:
            log.write("line 101\n")
        shown = app.screen.query_one(JobLog)
        await until(pilot, lambda: shown.lines[-2] == "line 101")
        assert "line 1\n" in text(app)
        await pilot.press("j", "k", "G", "y")
        await shows(pilot, "line 101")
        assert app.clipboard.splitlines()[-1] == "line 101"


async def test_codes_in_a_log_do_not_reach_the_terminal(app: SraclApp, tmp_path: Path) -> None:
    file = tmp_path / "r1" / "log.txt"
    file.parent.mkdir()
    file.write_bytes(b"\x1b[31mred\x1b[0m\nepoch 1\repoch 2\nhalf \x1b[")
    async with app.run_test(size=(80, 24)) as pilot:
        await shows(pilot, "r1")
        await pilot.press("enter", "l")
        await shows(pilot, "red\nepoch 2\nhalf")
        with file.open("ab") as log:
            log.write(b"2Jdone\r7 %")
        await shows(pilot, "7 %")
        with file.open("ab") as log:
            log.write(b"\r8 %\n")
        await shows(pilot, "7 %\n8 %")
        assert "\x1b" not in text(app)


@pytest.mark.parametrize(("tab", "expected"), [("l", "what the job said"), ("r", "train.epochs = 3")])
async def test_what_is_read_is_handed_to_a_program_of_the_users(
    tab: str, expected: str, app: SraclApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r1").mkdir()
    (tmp_path / "r1" / "log.txt").write_text("what the job said")
    kept = tmp_path / "kept"
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\ncp "$2" {kept}\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"{editor} --wait")
    monkeypatch.setattr(app, "suspend", nullcontext)  # the terminal of a test cannot be handed over
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "r1")
        await pilot.press("enter", tab)
        await shows(pilot, expected)
        await pilot.press("e")
        assert kept.read_text() == expected
        monkeypatch.setenv("VISUAL", "/no/such/program")
        await pilot.press("e")
        await shows(pilot, "'/no/such/program'", "EDITOR")


@pytest.mark.presses("RunScreen run.edit")
async def test_a_terminal_that_cannot_be_handed_over_says_so(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await shows(pilot, "r1")
        await pilot.press("enter", "e")
        await shows(pilot, "This terminal cannot be handed over.")
