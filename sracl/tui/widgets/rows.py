"""The one table of the terminal interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from sracl.plain import on_one_line
from sracl.tui.widgets.columns import shortened
from sracl.tui.widgets.picker import Picker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from textual.timer import Timer
    from textual.widgets.data_table import Column, RowKey

    from sracl.tui.widgets.columns import Columns

_UNSORTED = "(as they come)"
_SETTLED = 0.1
"""Seconds a size must last before columns are chosen for it."""


class Rows(DataTable[Text]):
    """Rows under keys, of which only the cells that changed are drawn anew.

    Args:
        columns: Their titles. The first column holds the key.
        id: Of the widget.
        sorts: Sort the rows by the column that was asked for; otherwise `Reordered` is all that happens.
        unsorted: Titles of columns that rows cannot be sorted by.
        gives_way: Which columns are shown where there is not room for all; without it, who looks for more moves sideways.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "Down", show=False, id="down"),
        Binding("k,up", "cursor_up", "Up", show=False, id="up"),
        Binding("g", "scroll_top", "First", show=False, id="first"),
        Binding("G", "scroll_bottom", "Last", show=False, id="last"),
        Binding("s", "sort_by", "Sort", id="sort"),
        Binding("S", "reverse", "Reverse", show=False, id="reverse"),
        Binding("y", "app.copy", "Copy", id="copy"),
    ]

    class Reordered(Message):
        """Another column, or way, was asked for: `column` and `descending` of the table."""

    def __init__(
        self,
        columns: Sequence[str],
        *,
        id: str | None = None,
        sorts: bool = True,
        unsorted: Collection[str] = (),
        gives_way: Columns | None = None,
    ) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)
        self._titles = tuple(columns)
        self._sorts = sorts
        self._unsorted = unsorted
        self._gives_way = gives_way
        self._places: Sequence[int] = range(len(columns))
        """Of the titles whose columns are shown."""
        self._widths = [0] * len(columns)
        """Cells that the widest cell of each column has had on this page."""
        self._settling: Timer | None = None
        self._given: dict[str, tuple[str, ...]] = {}
        """As they came."""
        self._shown: dict[str, tuple[str, ...]] = {}
        self.sorted_by: str | None = None
        """Title of a column; None is the order in which rows come."""
        self.descending = False

    def on_mount(self) -> None:
        """Make the columns."""
        self._add_columns()

    def on_resize(self) -> None:
        """Choose the columns for this size, if it is kept."""
        if self._gives_way is not None:
            if self._settling is not None:
                self._settling.stop()
            self._settling = self.set_timer(_SETTLED, lambda: self.show_rows(self._given))

    @property
    def copied(self) -> str:
        """Key of the row under the cursor: what a command takes."""
        return self.selected_key or ""

    def action_sort_by(self) -> None:
        """Ask for a column."""

        def take(title: str | None) -> None:
            if title is not None:
                self._order(None if title == _UNSORTED else title, descending=False)

        titles = [title for title in self._titles if title not in self._unsorted]
        self.app.push_screen(Picker("Sort by", [_UNSORTED, *titles]), take)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self._order(self.sorted_by, descending=not self.descending)

    @on(DataTable.HeaderSelected)
    def _click(self, clicked: DataTable.HeaderSelected) -> None:
        title = self._titles[self._places[clicked.column_index]]
        if title not in self._unsorted:
            self._order(title, descending=title == self.sorted_by and not self.descending)

    def _order(self, column: str | None, *, descending: bool) -> None:
        self.sorted_by, self.descending = column, descending
        for place, kept in zip(self._places, self.ordered_columns, strict=True):
            kept.label = self._label(place)
            kept.content_width = max(kept.content_width, kept.label.cell_len)
        self._clear_caches()  # DataTable looks at labels only when a column is added
        self._require_update_dimensions = True
        self.refresh()
        if self._sorts:
            self.show_rows(self._given)
        self.post_message(self.Reordered())

    def show_rows(self, rows: Mapping[str, tuple[str, ...]]) -> None:
        """Show these rows, in this order or the one asked for; the cursor stays on its row while that is there."""
        # the first cell holds the key, and is made so when it is drawn
        rows = {key: (cells[0], *map(on_one_line, cells[1:])) for key, cells in rows.items()}
        self._given = dict(rows)
        if self._sorts:
            rows = dict(self._in_order(rows))
        under_cursor = self.selected_key
        if not self._shown.keys() & rows.keys():
            if self._shown:
                self.clear(columns=self._gives_way is not None)  # another page: rows one by one take their square in time
                if self._gives_way is not None:
                    self._add_columns()  # anew, since columns never shrink, and room is counted as if they did
                self._shown = {}
            self._widths = [0] * len(self._titles)
        self._choose_columns(rows)
        for key in self._shown.keys() - rows.keys():
            self.remove_row(key)
        widths = [column.content_width for column in self.ordered_columns]
        for key, cells in rows.items():
            before = self._shown.get(key)
            if before is None:
                self.add_row(*(Text(cells[place]) for place in self._places), key=key)
                continue
            for place, width in zip(self._places, widths, strict=True):
                if before[place] != (new := cells[place]):
                    # a column only grows: to know that it may shrink, the table would measure all of it
                    self.update_cell(key, str(place), Text(new), update_width=cell_len(new) > width)
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

    def _choose_columns(self, rows: Mapping[str, tuple[str, ...]]) -> None:
        """Show the columns that there is room for; the table is filled anew where they are others than before.

        Rows may come before the first layout: the table is then taken to be as large as the terminal, which it nearly is.
        """
        if self._gives_way is None:
            return
        size = self.outer_size or self.app.size
        for cells in rows.values():
            for place, cell in enumerate(cells):
                self._widths[place] = max(self._widths[place], cell_len(cell))
        around = 2 * self.cell_padding
        widths = {
            title: around + max(wide, self._label(place).cell_len) if wide or title not in self._gives_way.leaving else 0
            for place, (title, wide) in enumerate(zip(self._titles, self._widths, strict=True))
        }
        # of the style: the widget's own is 0 until there is a bar, which comes after these rows
        bar = self.styles.scrollbar_size_vertical if len(rows) + self.header_height > size.height else 0
        fitting = self._gives_way.fit(widths, size.width - bar)
        places = [place for place, title in enumerate(self._titles) if title in fitting]
        if places != list(self._places):
            top = self.scroll_offset.y
            self.clear(columns=True)
            self._places, self._shown = places, {}
            self._add_columns()
            self.call_after_refresh(self.scroll_to, y=top, animate=False)
        elastic = self._column(self._titles.index(self._gives_way.elastic))
        if elastic.auto_width or elastic.width != fitting[self._gives_way.elastic] - around:
            elastic.auto_width, elastic.width = False, fitting[self._gives_way.elastic] - around
            self._require_update_dimensions = True

    def _add_columns(self) -> None:
        for place in self._places:
            self.add_column(self._label(place), key=str(place))

    def _column(self, place: int) -> Column:
        return self.ordered_columns[list(self._places).index(place)]

    def _label(self, place: int) -> Text:
        title = self._titles[place]
        return Text(title + ("v" if self.descending else "^") * (title == self.sorted_by))

    def _render_cell(
        self, row_index: int, column_index: int, base_style: Style, width: int, cursor: bool = False, hover: bool = False
    ) -> list[list[Segment]]:
        """A cell as one segment: it is a line of text without styles of its own.

        DataTable makes it a renderable of Rich's, and draws all that are in view again when a single one has changed, which
        kept a key waiting for 60 ms.
        """
        if row_index < 0 or column_index < 0:
            return super()._render_cell(row_index, column_index, base_style, width, cursor, hover)
        row, column = self._row_locations.get_key(row_index), self._column_locations.get_key(column_index)
        if row is None or column is None:
            return [[Segment(" " * width, base_style)]]
        above, over = self._get_styles_to_render_cell(
            False, False, False, hover, cursor, self.show_cursor, self._show_hover_cursor,
            self.cursor_foreground_priority == "css", self.cursor_background_priority == "css",
        )  # fmt: skip
        style = base_style + above + over + Style.from_meta({"row": row_index, "column": column_index})
        blank = " " * self.cell_padding
        cells = width - 2 * self.cell_padding
        text = set_cell_size(shortened(on_one_line(self._data[row][column].plain), cells), cells)
        return [[Segment(f"{blank}{text}{blank}", style)]]

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        """Widen the columns, and forget lines that were drawn before, which DataTable goes on showing."""
        super()._update_dimensions(new_rows)
        self._clear_caches()
        self.refresh()

    def _in_order(self, rows: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        items = list(rows.items())
        if self.sorted_by is not None:
            place = self._titles.index(self.sorted_by)
            return dict(sorted(items, key=lambda row: _rank(row[1][place]), reverse=self.descending))
        return dict(reversed(items)) if self.descending else rows

    def _put_in_order(self, keys: Sequence[str]) -> None:
        if [row.key.value for row in self.ordered_rows] != list(keys):
            place = {key: index for index, key in enumerate(keys)}
            self.sort("0", key=lambda cell: place[cell.plain])


def _rank(cell: str) -> tuple[bool, float, str]:
    """Numbers by their value, before texts."""
    try:
        return False, float(cell.replace(",", "")), ""
    except ValueError:
        return True, 0.0, cell.casefold()
