"""The store that the terminal interface is measured on."""

from __future__ import annotations

from pathlib import Path

from benchmarks import tui
from sracl.tracking import pages, queries
from sracl.tracking.reader import Reader


def test_the_newest_run_has_the_long_series(tmp_path: Path) -> None:
    tui.fill(tmp_path / "store.db", 20)
    with Reader.open(tmp_path / "store.db") as store:
        found = pages.page(store, size=3)
        series = queries.series(store, found.lines[0].id)
        best = queries.best_watched(store, found.lines)
    assert (found.total, found.counts) == (20, {"completed": 20})
    assert [line.id for line in found.lines] == ["run00000", "run00019", "run00018"]  # the keys walk down from the second
    assert [len(points) for points in series.values()] == [tui.EPOCHS] * tui.SERIES
    assert len(best) == 3
