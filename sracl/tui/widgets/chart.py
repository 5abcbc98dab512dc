"""A line chart out of braille dots, two by four to a cell."""

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
        lines = drawn(points, width=max(1, self.size.width - _MARGIN), height=max(1, self.size.height - 1))
        values = [value for _, value in points]
        labels = [f"{max(values):.4g}", *[""] * (len(lines) - 2), f"{min(values):.4g}"][: len(lines)]
        return Text(
            "\n".join([title, *(f"{label:>{_MARGIN - 1}} {line}" for label, line in zip(labels, lines, strict=True))]), no_wrap=True
        )


def drawn(points: Sequence[Point], *, width: int, height: int) -> list[str]:
    """Lines of braille cells; a dot column shows all between the least and the greatest value of its epochs.

    Args:
        points: (epoch, finite value), by epoch, at least one.
        width: In cells.
        height: In cells.
    """
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    columns: dict[int, tuple[int, int]] = {}
    for epoch, value in points:
        column = round((epoch - first) / max(1, last - first) * (2 * width - 1))
        row = round((high - value) / (high - low) * (4 * height - 1)) if high > low else 2 * height
        top, bottom = columns.get(column, (row, row))
        columns[column] = (min(top, row), max(bottom, row))
    cells = [[0] * width for _ in range(height)]
    for column, (top, bottom) in columns.items():
        for row in range(top, bottom + 1):
            cells[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
    return ["".join(chr(0x2800 + cell) for cell in line) for line in cells]
