"""The one table of the terminal interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Rows(DataTable[Text]):
    """Rows under keys, of which only the cells that changed are drawn anew.

    Args:
        columns: Their titles. The first column holds the key.
        id: Of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g", "scroll_top", "First", show=False),
        Binding("G", "scroll_bottom", "Last", show=False),
    ]

    def __init__(self, columns: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)
        self._titles = tuple(columns)
        self._shown: dict[str, tuple[str, ...]] = {}

    def on_mount(self) -> None:
        """Make the columns."""
        for place, title in enumerate(self._titles):
            self.add_column(title, key=str(place))

    def show_rows(self, rows: Mapping[str, tuple[str, ...]]) -> None:
        """Show these rows, in this order; the cursor stays on its row while that is there."""
        under_cursor = self.selected_key
        for key in self._shown.keys() - rows.keys():
            self.remove_row(key)
        for key, cells in rows.items():
            before = self._shown.get(key)
            if before is None:
                self.add_row(*map(Text, cells), key=key)
                continue
            for place, (old, new) in enumerate(zip(before, cells, strict=True)):
                if old != new:
                    self.update_cell(key, str(place), Text(new), update_width=True)
        self._put_in_order(list(rows))
        self._shown = dict(rows)
        if under_cursor is not None and under_cursor in rows:
            self.move_cursor(row=self.get_row_index(under_cursor))

    @property
    def selected_key(self) -> str | None:
        """Key of the row under the cursor."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def _put_in_order(self, keys: Sequence[str]) -> None:
        if [row.key.value for row in self.ordered_rows] != list(keys):
            place = {key: index for index, key in enumerate(keys)}
            self.sort("0", key=lambda cell: place[cell.plain])
