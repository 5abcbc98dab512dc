from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from textual.widgets import Input, TabbedContent

from sracl.doctor.check import Check
from sracl.registry.catalog import catalog
from sracl.tui.app import SraclApp
from sracl.tui.components.card import card
from sracl.tui.components.screen import ComponentsScreen, told
from sracl.tui.runs.screen import RunsScreen
from sracl.tui.widgets.rows import Rows
from sracl.tui.widgets.text_screen import TextScreen
from tests.support.plugins import broken_distribution
from tests.tui.support import shows, text, until


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SraclApp:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    return SraclApp(tmp_path / "store.db")


@pytest.fixture
def _broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = broken_distribution(tmp_path / "installed")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    catalog.cache_clear()
    yield
    catalog.cache_clear()


def state(app: SraclApp, key: str) -> str:
    return str(app.screen.query_one(Rows).get_row(key)[1])


@pytest.mark.presses("ComponentsScreen components.details", "ComponentsScreen filter", "ComponentsScreen back", "TextScreen back")
async def test_components_are_listed_filtered_and_shown(app: SraclApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("7")
        await until(pilot, lambda: isinstance(app.screen, ComponentsScreen) and app.screen.query_one(Rows).row_count > 50)
        await shows(pilot, "backbones/bert4rec", "ok")
        await pilot.press("j", "i")
        await shows(pilot, "backbones/bsarec", "hidden_size", "an integer of at least 1")
        assert isinstance(app.screen, TextScreen)
        await pilot.press("j", "k", "q")
        await pilot.press("slash", *"Losses/in", "enter")
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 1)
        await pilot.press("enter")
        await shows(pilot, "losses/info_nce", "temperature")
        await until(pilot, lambda: isinstance(app.screen, TextScreen))
        await pilot.press("escape", "slash")
        assert app.screen.query_one(Input).has_focus
        await pilot.press("escape")
        assert app.screen.query_one(Rows).has_focus
        await pilot.press("q")
        assert isinstance(app.screen, RunsScreen)


@pytest.mark.presses("ComponentsScreen components.list", "ComponentsScreen components.doctor", "ComponentsScreen components.examine")
async def test_checks_of_the_doctor(app: SraclApp) -> None:
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("7")
        await pilot.press("d")
        await shows(pilot, "problems: 0", "ok      torch: ", "none yet at", "plug-ins: none installed")
        await pilot.press("j", "k", "i")
        assert isinstance(app.screen, ComponentsScreen)  # a check has no card
        await pilot.press("r")
        await shows(pilot, "examining …")
        await shows(pilot, "plug-ins: none installed")
        await pilot.press("c")
        assert app.screen.query_one(TabbedContent).active == "components"
        assert app.screen.query_one(Rows).has_focus


@pytest.mark.usefixtures("_broken_plugin")
async def test_a_plug_in_that_cannot_be_imported_fails_where_it_is_listed_and_is_told_of_first(app: SraclApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("7")
        key = "backbones/broken-lab:broken"
        await until(pilot, lambda: key in app.screen.query_one(Rows).rows and state(app, key) == "fails")
        assert state(app, "backbones/sasrec") == "ok"
        await pilot.press("d")
        await shows(pilot, "problems: 1", "No module named 'a_library_that_nobody_has'", "pip uninstall broken-lab")
        assert text(app).index("broken-lab 1.0") < text(app).index("torch: ")


async def test_what_is_asked_of_a_process_does_not_hold_up_the_end(app: SraclApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sracl").mkdir()
    (tmp_path / "sracl" / "__init__.py").touch()
    pid = tmp_path / "pid"
    (tmp_path / "sracl" / "__main__.py").write_text(f"import os, time\nopen({str(pid)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    async with app.run_test() as pilot:
        await pilot.press("7")
        await until(pilot, lambda: pid.is_file() and pid.read_text() != "")
        await pilot.press("q")
        await until(pilot, lambda: not Path(f"/proc/{pid.read_text()}").exists())


def test_what_is_wrong_stands_first_with_how_to_mend_it() -> None:
    checks = [Check("torch", "ok", "2.13"), Check("store", "problem", "damaged", "Put a backup in its place.", details="page 3")]
    assert told(checks).splitlines() == [
        "problems: 1, warnings: 0, in order: 1",
        "",
        "problem store: damaged",
        "          page 3",
        "          Put a backup in its place.",
        "ok      torch: 2.13",
    ]


def test_a_card_is_folded_to_the_width_and_leaves_out_what_is_empty() -> None:
    data = {
        "name": "crop",
        "summary": "Keeps a stretch.",
        "paper": None,
        "entry": "sracl.augmenters.crop:Crop",
        "counts": {"users": 3, "items": 4},
        "parameters": [{"name": "ratio", "default": "0.6", "symbol": None, "meaning": "of what is kept, " * 6}],
        "doc": "More of it.",
    }
    console = Console(width=60, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(card(data))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert max(map(len, lines)) <= 60
    assert "counts  users 3, items 4" in lines
    assert "ratio  default: 0.6" in lines
    assert "paper" not in "\n".join(lines)
    assert lines[-1] == "More of it."
