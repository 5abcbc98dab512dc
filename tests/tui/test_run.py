from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from textual.widgets import Static, TabbedContent

from sracl.tracking import identity
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.run.screen import RunScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.chart import Chart, drawn
from sracl.tui.widgets.rows import Rows

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_opens_with_its_curves_and_values_and_goes_back(tmp_path: Path) -> None:
    async def script() -> None:
        path = tmp_path / "store.db"
        with Store.open(path) as store:
            store.register(
                run_id="r1", digest="r1", recipe="small", variant="", cell={}, seed=7, label="r1", dataset="demo",
                values={"train": {"epochs": 3}}, origins={"train.epochs": "small.toml:4"}, leaky=(), folder="", environment={"torch": "2"},
            )  # fmt: skip
            store.start("r1", identity.current())
            store.log("r1", 1, {"loss": 2.0, "valid.mrr@10": 0.1})
            app = SraclApp(path)
            async with app.run_test(size=(80, 24)) as pilot:
                while not app.screen.query_one(Rows).row_count:
                    await pilot.pause(0.05)
                await pilot.press("enter")
                for _ in range(100):
                    if isinstance(app.screen, RunScreen) and len(app.screen.query(Chart)) == 2:
                        break
                    await pilot.pause(0.05)
                texts = {name: str(app.screen.query_one(f"#{name}-text", Static).render()) for name in ("overview", "recipe", "artifacts")}
                assert "seed     7" in texts["overview"]
                assert texts["recipe"] == "train.epochs = 3    (small.toml:4)"
                assert texts["artifacts"] == "no file yet"
                assert not app.screen.query_one("#charts-text").display
                for key, tab in {"g": "charts", "r": "recipe", "a": "artifacts", "v": "environment", "o": "overview"}.items():
                    await pilot.press(key)
                    assert app.screen.query_one(TabbedContent).active == tab
                await pilot.press("g")
                store.log("r1", 2, {"loss": 1.5})
                for _ in range(100):
                    loss = next(chart for chart in app.screen.query(Chart) if chart.name == "loss")
                    if "1.5 at epoch 2" in loss.render().plain:
                        break
                    await pilot.pause(0.05)
                assert loss.render().plain.startswith("loss: 1.5 at epoch 2")
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
