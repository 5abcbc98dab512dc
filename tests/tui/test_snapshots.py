"""How screens look, as SVG that the application exports: `pytest tests/tui/test_snapshots.py --snapshot-update` renews it.

The pictures of docs/ are held to the same; `python -m tests.support.showcase docs` renews those.
"""

from __future__ import annotations

import difflib
from importlib.metadata import version
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from sracl.tui.app import SraclApp
from sracl.tui.settings import DARK, LIGHT, Settings
from tests.support.showcase import PICTURES, fill, picture

_TEXTUAL = "8.2.8"
"""What the snapshots were made with: another version may draw otherwise with nothing being wrong."""
_DOCS = Path(__file__).parents[2] / "docs"

pytestmark = pytest.mark.skipif(version("textual") != _TEXTUAL, reason=f"the snapshots are those of textual {_TEXTUAL}")


class Svg(SingleFileSnapshotExtension):
    """A file a snapshot."""

    file_extension = "svg"
    _write_mode = WriteMode.TEXT


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that all pictures show; none changes it."""
    home = tmp_path_factory.mktemp("shown") / "project"
    fill(home)
    return home


@pytest.fixture
def path(shown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(shown))
    monkeypatch.setenv("SRACL_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return shown / ".sracl" / "store.db"


@pytest.mark.parametrize("look", ["dark", "light", "no-colour"])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)], ids=lambda size: "x".join(map(str, size)))
async def test_the_runs(path: Path, size: tuple[int, int], look: str, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    if look == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    app = SraclApp(path, Settings(theme=LIGHT if look == "light" else DARK))
    shows = "12 runs" if size[0] >= 80 else "sracl needs"
    assert await picture(app, size=size, shows=shows) == snapshot(extension_class=Svg)


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "runs"])
async def test_other_screens_in_a_plain_terminal(path: Path, name: str, snapshot: SnapshotAssertion) -> None:
    keys, shows = PICTURES[name]
    if name == "neighbours":
        keys, shows = ("6", "u"), "user-0107"  # the rest is below
    assert await picture(SraclApp(path, ascii=True), *keys, size=(80, 24), shows=shows) == snapshot(extension_class=Svg)


@pytest.mark.parametrize("name", PICTURES)
async def test_the_pictures_of_the_manual_are_current(path: Path, name: str) -> None:
    keys, shows = PICTURES[name]
    drawn = await picture(SraclApp(path), *keys, size=(100, 28), shows=shows)
    kept = (_DOCS / f"{name}.svg").read_text(encoding="utf-8")
    changed = [line for line in difflib.unified_diff(kept.splitlines(), drawn.splitlines(), lineterm="", n=0)][:6]
    assert drawn == kept, f"python -m tests.support.showcase docs renews it; {changed}"
    assert str(path.parents[1]) not in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
