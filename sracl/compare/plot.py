"""A leaderboard as a picture: a panel for every protocol, data set and metric.

Where a recipe has an axis of numbers in its matrix, the panel has that axis below and a line for each variant; else every row
is a point on a line of its own. Whiskers are one standard deviation over seeds to either side, diamonds published figures.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from sracl.errors import UsageError
from sracl.registry.wording import set_to

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from sracl.compare.board import Block, Leaderboard, Row

SUFFIXES = (".svg", ".png", ".pdf")
"""Of files that are pictures."""

_PANEL = (3.6, 2.6)
"""Inches, the least."""
_ROW = 0.24
"""Inches of height for a row."""
_LETTER, _LINE = 0.064, 0.14
"""Inches that a letter of a heading is wide, on average and a little too wide rather than too narrow, and a line of it high."""
_TICKS = 5
"""Steps that an axis below points is divided into at most: what more numbers of four digits would run into one another."""
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of Okabe and Ito, told apart by colour-blind readers; lines have markers of their own besides."""
_MARKERS = "os^vDPX"


def save(board: Leaderboard, file: Path, metrics: Sequence[str] | None = None) -> None:
    """Draw and write a picture, by the suffix of the file; the same leaderboard makes the same bytes.

    Args:
        board: With at least one block.
        file: Ends in one of `SUFFIXES`.
        metrics: Columns of panels; by default HR and NDCG at the largest cut-off of the board.

    Raises:
        UsageError: There is no library to draw with.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError('A picture takes the extra `plot`: pip install "sracl[plot]".') from None
    blocks, columns = board.blocks, metrics or _at_largest(board.blocks[0].metrics)
    width = _PANEL[0] * len(columns) + 1
    headings = [textwrap.wrap(block.heading, int(width / _LETTER)) for block in blocks]
    heights = [
        (max(_PANEL[1], _ROW * len(block.rows) + 1.2) if _axis(block.rows) is None else _PANEL[1]) + _LINE * (len(heading) - 1)
        for block, heading in zip(blocks, headings, strict=True)
    ]
    with matplotlib.rc_context({"svg.hashsalt": "sracl", "font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(width, sum(heights)), layout="constrained")
        parts = figure.subfigures(len(blocks), 1, squeeze=False, height_ratios=heights)[:, 0]
        for block, heading, part in zip(blocks, headings, parts, strict=True):
            part.suptitle("\n".join(heading), x=0.01, horizontalalignment="left", fontsize=8)  # over all panels, not the first alone
            line = part.subplots(1, len(columns), squeeze=False)[0]
            for metric, axes in zip(columns, line, strict=True):
                _draw(axes, block, metric)
            named = dict(zip(*reversed(line[-1].get_legend_handles_labels()), strict=True))  # each name once
            if named:
                line[-1].legend(named.values(), named.keys(), frameon=False)
        made = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(file.suffix)  # else no two files would be equal
        figure.savefig(file, format=file.suffix[1:], dpi=160, metadata=made)


def _at_largest(metrics: Sequence[str]) -> list[str]:
    """HR and NDCG at their largest cut-off; all metrics where neither is there."""
    found = []
    for name in ("hr", "ndcg"):
        cutoffs = [int(metric.partition("@")[2]) for metric in metrics if metric.startswith(f"{name}@")]
        found += [f"{name}@{max(cutoffs)}"] if cutoffs else []
    return found or list(metrics)


def _axis(rows: Sequence[Row]) -> str | None:
    """The one path of the matrix along which numbers vary; None if there is none or several."""
    values = {path: [row.cell.get(path) for row in rows] for path in rows[0].cell}
    varying = [path for path, found in values.items() if all(isinstance(value, int | float) for value in found) and len(set(found)) > 1]
    return varying.pop() if len(varying) == 1 else None


def _draw(axes: Axes, block: Block, metric: str) -> None:
    rows = [row for row in block.rows if metric in row.figures]
    axis = _axis(rows) if rows else None
    if axis is None:
        _points(axes, block, rows, metric)
    else:
        _lines(axes, block, rows, metric, axis)
    axes.grid(alpha=0.3, linewidth=0.5)


def _points(axes: Axes, block: Block, rows: Sequence[Row], metric: str) -> None:
    """A line for each row, the first on top."""
    for place, row in enumerate(rows):
        found = row.figures[metric]
        colour = "#999999" if row.leaky else _COLOURS[0]
        axes.errorbar(found.mean, place, xerr=found.std or None, fmt="o", markersize=4, capsize=2, linewidth=1, color=colour)
        for beside in row.published:
            if metric in beside.values:
                axes.plot(beside.values[metric], place, "D", markersize=4, markerfacecolor="none", color=_COLOURS[1], label=beside.title)
    axes.set_yticks(range(len(rows)), [_called(block, row, _but(row)) for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(metric)
    axes.locator_params(axis="x", nbins=_TICKS)


def _lines(axes: Axes, block: Block, rows: Sequence[Row], metric: str, path: str) -> None:
    """A line for each variant over the values of an axis, which stand side by side at equal distances."""
    values = sorted({row.cell[path] for row in rows})

    def rest(row: Row) -> str:
        return _called(block, row, _but(row, path))

    for number, (about, those) in enumerate(groupby(sorted(rows, key=rest), key=rest)):
        line = sorted(those, key=lambda row: row.cell[path])
        found = [row.figures[metric] for row in line]
        axes.errorbar(
            [values.index(row.cell[path]) for row in line],
            [figure.mean for figure in found],
            yerr=[figure.std or 0.0 for figure in found],
            marker=_MARKERS[number % len(_MARKERS)],
            color=_COLOURS[number % len(_COLOURS)],
            label=about,
            markersize=4,
            capsize=2,
            linewidth=1,
        )
    axes.set_xticks(range(len(values)), [f"{value:g}" for value in values])
    axes.set_xlabel(path)
    axes.set_ylabel(metric)


def _called(block: Block, row: Row, label: str) -> str:
    """A label with the recipe, where there are several, and a word of its being leaky: a picture has no headings to say so."""
    named = block.called_alone(replace(row, label=label))
    return f"{named} (leaky)" if row.leaky else named


def _but(row: Row, path: str | None = None) -> str:
    """What a row's label says but for the data set, which is in the heading, and for its value on an axis, which tells lines apart."""
    in_full = " ".join([row.name, *set_to(row.cell)])
    differing = row.label.removeprefix(in_full) if row.label.startswith(in_full) else ""
    others = {other: value for other, value in row.cell.items() if other not in (path, "data.name")}
    return " ".join([row.name, *set_to(others)]) + differing
