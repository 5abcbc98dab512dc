from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from textual.widgets import Input

from sracl.runs.exhibit import FILE, Item, Neighbour, Sequence, write
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.neighbours.screen import NeighboursScreen
from sracl.tui.neighbours.substitution import substituted
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.picker import Picker
from sracl.tui.widgets.rows import Rows
from tests.tui.support import add, shows, text, until

ITEMS = [
    Item(1, "B01", "Balm", "text of balm", ((2, 0.91), (3, 0.5))),
    Item(2, "B02", "Stick", "text of stick", ((1, 0.91), (3, 0.25))),
    Item(3, "B03", "Cream", "text of cream", ()),
]
NEAR = (Neighbour("bob up to 4", (3, 1), "bob likes cream", 0.75, 0.6), Neighbour("cy up to 2", (2,), "cy likes sticks", 0.5, 0.4))
SEQUENCES = [Sequence(0, "ann", (1, 2, 1, 2, 1, 2), "ann likes lips", NEAR), Sequence(7, "dot", (3,), "dot likes cream", ())]
FACTS = {
    "dataset": "demo",
    "users": 2,
    "items": 3,
    "has_items": True,
    "has_sequences": True,
    "weighed_by": "attention",
    "substitution": {"ratio": 0.5, "count": "exact"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / ".sracl" / "store.db"
    with Store.open(file) as store:
        for run_id in ("old", "new", "bare"):
            folder = tmp_path / "runs" / run_id
            folder.mkdir(parents=True)
            if run_id != "bare":
                write(
                    folder / FILE, facts={**FACTS, "weighed_by": None if run_id == "old" else "attention"}, items=ITEMS, sequences=SEQUENCES
                )
            add(store, run_id, figures={"hr@10": 0.1}, folder=str(folder))
            if (folder / FILE).exists():
                store.artifact(run_id, name="exhibit", path=str(folder / FILE), digest="", size=1, facts={})
    return file


@pytest.mark.presses("NeighboursScreen filter", "NeighboursScreen neighbours.users", "NeighboursScreen neighbours.draw")
@pytest.mark.presses("NeighboursScreen left", "NeighboursScreen right", "NeighboursScreen neighbours.items")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_items_and_users_with_what_is_like_them(size: tuple[int, int], path: Path) -> None:
    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.press("6")
            await shows(pilot, "new: 3 items, 2 users of demo", "text of balm", "0.910", "=========", "text of stick", "Cream")
            await pilot.press("slash", *"cre")
            await shows(pilot, "text of cream", "It has no neighbour.")
            await pilot.press("enter", "u")
            await shows(pilot, "ann: last training sequence, 6 items", "bob up to 4: Cream >", "0.600")
            await pilot.press("l", *["down"] * 20)
            await shows(
                pilot, "Weights are those of the trained synthesizer", "'attention'.", "3 of 6 replaced; ratio 0.5, exact", "draw 1"
            )
            await pilot.press("r")
            await shows(pilot, "draw 2", "->")
            await pilot.press("h", "j")
            await shows(pilot, "dot: last training sequence")
            await pilot.press("i")
            await shows(pilot, "text of balm")

    asyncio.run(script())


@pytest.mark.presses("NeighboursScreen neighbours.pick", "NeighboursScreen back")
def test_another_run_is_picked_and_says_what_it_lacks(path: Path) -> None:
    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await pilot.press("6")
            await shows(pilot, "new: 3 items")
            await pilot.press("p")
            assert isinstance(app.screen, Picker)
            await shows(pilot, "Neighbours of")
            assert "bare" not in text(app)
            await pilot.press("j", "enter")
            await shows(pilot, "old: 3 items")
            await pilot.press("u")
            await shows(pilot, "This run weighs no neighbours.")
            await pilot.press("slash", *"nobody")
            await shows(pilot, "No user that is shown is called so.")
            await pilot.press("escape")
            assert app.screen.query_one(Rows).has_focus
            await pilot.press("q")
            assert isinstance(app.screen, RunsScreen)

    asyncio.run(script())


@pytest.mark.presses("RunsScreen runs.neighbours")
def test_a_run_without_neighbours_says_why(path: Path) -> None:
    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.screen.query_one(Rows).row_count == 3)
            await pilot.press("N")
            assert isinstance(app.screen, NeighboursScreen)
            await shows(pilot, "Run bare keeps no neighbours.", "[semantics]")

    asyncio.run(script())


def test_a_project_without_any_says_how_to_get_some(tmp_path: Path) -> None:
    async def script() -> None:
        app = SraclApp(tmp_path / "store.db")
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("6")
            await shows(pilot, "No finished run", "methods/sracl")
            await pilot.press("slash", "6")  # a digit in the box is text
            assert app.screen.query_one(Input).value == "6"

    asyncio.run(script())


NEIGHBOURS = {1: [2, 3], 2: [1]}


def test_substitution_keeps_to_its_rule() -> None:
    items = [1, 2, 9, 1]
    for seed in range(50):
        new = substituted(items, NEIGHBOURS, ratio=0.5, count="exact", seed=seed)
        changed = [place for place in range(4) if new[place] != items[place]]
        assert len(changed) == 2  # half of four
        assert 2 not in changed  # 9 has no neighbour
        assert all(new[place] in NEIGHBOURS[items[place]] for place in changed)
        assert new == substituted(items, NEIGHBOURS, ratio=0.5, count="exact", seed=seed)
    # one at least: a fifth of two is rounded up to it
    assert len({tuple(substituted([1, 2], NEIGHBOURS, ratio=0.2, count="exact", seed=seed)) for seed in range(50)} - {(1, 2)}) == 3


def test_bernoulli_replaces_each_item_as_often_as_the_ratio_says() -> None:
    counts = Counter(substituted([2], NEIGHBOURS, ratio=0.2, count="bernoulli", seed=seed)[0] for seed in range(4000))
    assert counts[1] / 4000 == pytest.approx(0.2, abs=0.025)  # four standard deviations of sqrt(.2 · .8 / 4000)


def test_a_file_that_is_gone_is_said(path: Path, tmp_path: Path) -> None:
    (tmp_path / "runs" / "new" / FILE).unlink()

    async def script() -> None:
        app = SraclApp(path)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("6")
            await shows(pilot, "exhibit.db")
            await pilot.press("p", "j", "enter")
            await shows(pilot, "old: 3 items")

    asyncio.run(script())
