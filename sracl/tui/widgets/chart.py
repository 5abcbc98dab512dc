"""A line chart out of braille dots, two by four to a cell, or of ASCII, one by two."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from rich.text import Text
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence

Point: TypeAlias = tuple[int, float]
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille cell, by column and row."""
_ASCII_DOTS = ((0x01, 0x02),)
_ASCII = " '.:"
"""The same of an ASCII cell: upper half, lower half, both."""
_MARGIN = 10


class Chart(Widget):
    """One series over epochs, with its name, its extremes and its last value in words.

    Args:
        name: Of the series.
    """

    DEFAULT_CSS = "Chart { height: 8; padding: 0 1; }"

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self._points: Sequence[Point] = ()

    def show_points(self, points: Sequence[Point]) -> None:
        """Draw these (epoch, value), by epoch, if they are others than before."""
        if points != self._points:
            self._points = points
            self.refresh()

    def render(self) -> Text:
        """Draw at the size it has now."""
        points = [point for point in self._points if math.isfinite(point[1])]
        if not points:
            return Text(f"{self.name}: no finite value yet")
        title = f"{self.name}: {points[-1][1]:.4g} at epoch {points[-1][0]}"
        ascii = bool(getattr(self.app, "ascii", False))
        lines = drawn(points, width=max(1, self.size.width - _MARGIN), height=max(1, self.size.height - 1), ascii=ascii)
        values = [value for _, value in points]
        labels = [f"{max(values):.4g}", *[""] * (len(lines) - 2), f"{min(values):.4g}"][: len(lines)]
        return Text(
            "\n".join([title, *(f"{label:>{_MARGIN - 1}} {line}" for label, line in zip(labels, lines, strict=True))]), no_wrap=True
        )


def sparkline(values: Sequence[float], *, width: int, ascii: bool = False) -> str:
    """A line of cells with a dot for each finite value, shorter where there are few of them.

    Args:
        values: In order.
        width: In cells, at most.
        ascii: Of ASCII cells rather than braille.
    """
    points = list(enumerate(value for value in values if math.isfinite(value)))
    across = len(_ASCII_DOTS if ascii else _DOTS)
    return drawn(points, width=min(width, -(-len(points) // across)), height=1, ascii=ascii)[0] if points else ""


def drawn(points: Sequence[Point], *, width: int, height: int, ascii: bool = False) -> list[str]:
    """Lines of cells; a dot column shows all between the least and the greatest value of its epochs.

    Args:
        points: (epoch, finite value), by epoch, at least one.
        width: In cells.
        height: In cells.
        ascii: Of ASCII cells rather than braille.
    """
    dots = _ASCII_DOTS if ascii else _DOTS
    across, down = len(dots), len(dots[0])
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    columns: dict[int, tuple[int, int]] = {}
    for epoch, value in points:
        column = round((epoch - first) / max(1, last - first) * (across * width - 1))
        row = round((high - value) / (high - low) * (down * height - 1)) if high > low else down * height // 2
        top, bottom = columns.get(column, (row, row))
        columns[column] = (min(top, row), max(bottom, row))
    cells = [[0] * width for _ in range(height)]
    for column, (top, bottom) in columns.items():
        for row in range(top, bottom + 1):
            cells[row // down][column // across] |= dots[column % across][row % down]
    return ["".join(_ASCII[cell] if ascii else chr(0x2800 + cell) for cell in line) for line in cells]
