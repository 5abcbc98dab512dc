"""Which columns of a table are shown where there is not room for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST = 12
"""Cells that the elastic column keeps in any case, like all others with the blanks around."""
_MARK, _SHORT = " [imported]", " […]"


@dataclass(frozen=True)
class Columns:
    """How a table gives way.

    Args:
        elastic: Title of the column that gets what the others leave.
        leaving: Title -> cells. These columns are left out one after another, the first one first, until the elastic column has as
            many cells as the next one to go allows it, or all that it can use. One in which nothing is written is left out anyway.
    """

    elastic: str
    leaving: Mapping[str, int]

    def fit(self, widths: Mapping[str, int], room: int) -> dict[str, int]:
        """The columns that are shown.

        Args:
            widths: Title -> cells in which all that stands below it has room; 0 for one that may leave and is empty.
            room: Cells there are for all of them.

        Returns:
            Title -> cells.
        """
        shown = {title: width for title, width in widths.items() if width}
        for title, least in self.leaving.items():
            if self._left(shown, room) >= min(least, shown[self.elastic]):
                break
            shown.pop(title, None)
        return {**shown, self.elastic: min(shown[self.elastic], max(_LEAST, self._left(shown, room)))}

    def _left(self, shown: Mapping[str, int], room: int) -> int:
        return room - sum(width for title, width in shown.items() if title != self.elastic)


def shortened(text: str, cells: int) -> str:
    """A text without its beginning where it has not room: the end tells variants of a recipe apart.

    Before it, what is imported is said more shortly: in 14 cells, nothing else would be left of `cl4srec [imported]`.
    """
    if cell_len(text) <= cells:
        return text
    if text.endswith(_MARK):
        return shortened(text.removesuffix(_MARK) + _SHORT, cells)
    while cell_len(text) >= cells > 0:
        text = text[1:]
    return f"…{text}"
