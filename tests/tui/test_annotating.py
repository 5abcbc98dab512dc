"""Tags and notes that are given to runs from the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from sracl.tracking import queries, tagging
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from sracl.tui.app import SraclApp
from sracl.tui.run.screen import RunScreen
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.note_box import NoteBox
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.tag_box import TagBox
from tests.tui.support import add, shows, text, until


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    file = tmp_path / ".sracl" / "store.db"
    with Store.open(file) as store:
        for name in ("first", "second", "third"):
            add(store, name)
        tagging.tag(store, ["third"], add=["old", "ablation"])
        tagging.note(store, "third", "diverged\nat epoch 3")
    return file


def tags(path: Path) -> dict[str, tuple[str, ...]]:
    with Reader.open(path) as store:
        return {run.id: run.tags for run in queries.runs(store)}


def note(path: Path, run_id: str) -> str:
    with Reader.open(path) as store:
        return queries.runs(store, ids=[run_id])[0].note


async def ready(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen) and pilot.app.screen.query_one(Rows).row_count == 3)


@pytest.mark.presses("RunsScreen runs.tags", "RunScreen run.tags", "TagBox back")
async def test_marked_runs_are_tagged_or_else_the_one_under_the_cursor_and_found_by_their_tags(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("m", "m", "t")  # the third, the second
        await until(pilot, lambda: isinstance(app.screen, TagBox))
        await shows(pilot, "Tags of 2 runs", "#ablation (1 of 2) #old (1 of 2)")
        await pilot.press(*"final -ol", "right", "enter")  # completed to -old
        await until(pilot, lambda: tags(path) == {"first": (), "second": ("final",), "third": ("ablation", "final")})
        await shows(pilot, "small #final", "small #ablation #final")
        await pilot.press("m", "m", "g", "m", "m", "G", "t")  # no mark is left
        await shows(pilot, "Tags of run first", "none yet")
        await pilot.press(*"+final", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("t")
        await shows(pilot, "Tags of run first")
        await pilot.press(*"+odd", "enter")
        await shows(pilot, "recipe   small #odd")
        assert tags(path)["first"] == ("odd",)
        await pilot.press("q", "slash", *"tag:final tag:ablation", "enter")
        await shows(pilot, "1 run like tag:final tag:ablation")
        assert app.screen.query_one(Rows).selected_key == "third"


async def test_what_is_no_tag_is_told_in_the_box_and_can_be_mended(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, TagBox))
        for typed, told in (("a/b", "'a/b' is none."), ("-odl", "Did you mean 'old'?")):
            app.screen.query_one(Input).value = typed
            await pilot.press("enter")
            await shows(pilot, told)
        assert tags(path)["third"] == ("ablation", "old")
        app.screen.query_one(Input).value = "-old"
        await pilot.press("enter")
        await until(pilot, lambda: tags(path)["third"] == ("ablation",))


@pytest.mark.presses("RunsScreen runs.note", "RunScreen run.note", "NoteBox back", "NoteBox note.keep")
async def test_a_note_of_several_lines_is_written_on_and_taken_away(path: Path) -> None:
    app = SraclApp(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot)
        await pilot.press("w")
        await shows(pilot, "Note of run third", "diverged", "at epoch 3")
        await pilot.press(*"0, -lr", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert note(path, "third") == "diverged\nat epoch 3"
        await pilot.press("w")
        await shows(pilot, "Note of run third")
        await pilot.press(*"0", "enter", *"-lr", "ctrl+s")
        await until(pilot, lambda: note(path, "third") == "diverged\nat epoch 30\n-lr")
        await pilot.press("enter")
        await shows(pilot, "note     diverged", "at epoch 30")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, NoteBox))
        app.screen.query_one(TextArea).text = "-1"  # no option
        await pilot.press("ctrl+s")
        await shows(pilot, "note     -1")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, NoteBox))
        app.screen.query_one(TextArea).text = ""
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "note " not in text(app))
        assert note(path, "third") == ""


async def test_read_only_says_that_nothing_is_changed(path: Path) -> None:
    app = SraclApp(path, read_only=True)
    async with app.run_test(size=(100, 24), notifications=True) as pilot:
        await ready(pilot)
        for key, what in (("t", "Tags"), ("w", "Note"), ("c", "Cancel")):
            await pilot.press(key)
            await shows(pilot, f"{what} would write", "--read-only")
            assert isinstance(app.screen, RunsScreen)
            assert f"{key} {what}" not in text(app).splitlines()[-1]
        await pilot.press("3", "plus")
        await shows(pilot, "Sooner would write")
        await pilot.press("5", "ctrl+s")
        await shows(pilot, "Enqueue would write")
