from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from sracl.tui.runs.screen import _COLUMNS, _GIVES_WAY
from sracl.tui.widgets.columns import Columns, shortened
from sracl.tui.widgets.rows import Rows

WIDTHS = {"run": 12, "m": 3, "state": 13, "recipe": 30, "data": 8, "seed": 6, "epoch": 9, "left": 10, "best": 8, "valid": 8, "trend": 12}
ALL = {**WIDTHS, "device": 8, "age": 8}


def test_as_a_terminal_narrows_columns_leave_in_the_order_that_is_stated() -> None:
    gone: list[str] = []
    for room in range(160, 30, -1):
        shown = _GIVES_WAY.fit(ALL, room)
        assert list(shown) == [title for title in ALL if title in shown]
        assert sum(shown.values()) <= max(room, 12 + 3 + 13 + 12 + 9 + 8)  # what stays in any case
        gone += [title for title in ALL if title not in shown and title not in gone]
    assert gone == list(_GIVES_WAY.leaving) == ["device", "valid", "age", "trend", "data", "seed", "left"]
    assert set(ALL) == set(_COLUMNS)


def test_at_80_cells_a_run_under_way_is_known_by_recipe_data_and_seed_with_what_is_left() -> None:
    assert list(_GIVES_WAY.fit(ALL, 80)) == ["run", "m", "state", "recipe", "seed", "epoch", "left", "best"]
    assert list(_GIVES_WAY.fit({**ALL, "data": 6, "epoch": 7}, 80)) == list(WIDTHS)[:9]


def test_a_column_in_which_nothing_stands_takes_no_room() -> None:
    without = _GIVES_WAY.fit({**ALL, "left": 0, "trend": 0}, 200)
    assert set(ALL) - set(without) == {"left", "trend"}
    assert list(_GIVES_WAY.fit({**ALL, "left": 0}, 80)) == ["run", "m", "state", "recipe", "data", "seed", "epoch", "best"]


def test_the_elastic_column_is_never_wider_than_what_stands_in_it() -> None:
    columns = Columns(elastic="what", leaving={"why": 20})
    assert columns.fit({"what": 15, "why": 10}, 25) == {"what": 15, "why": 10}
    assert columns.fit({"what": 15, "why": 10}, 24) == {"what": 15}
    assert columns.fit({"what": 50, "why": 10}, 30) == {"what": 20, "why": 10}
    assert columns.fit({"what": 50, "why": 10}, 29) == {"what": 29}
    assert columns.fit({"what": 50}, 3) == {"what": 12}


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("cl4srec [imported]", 18, "cl4srec [imported]"),
        ("cl4srec [imported]", 14, "cl4srec […]"),
        ("a [leaky] [imported]", 14, "a [leaky] […]"),
        ("sasrec_repeat [imported]", 14, "…ec_repeat […]"),
    ],
)
def test_what_is_imported_keeps_its_name_before_its_mark(text: str, cells: int, shown: str) -> None:
    assert shortened(text, cells) == shown


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [("ablation/w", 10, "ablation/w"), ("ablation/w", 9, "…lation/w"), ("测试测试", 6, "…测试"), ("测试测试", 4, "…试"), ("ab", 1, "…")],
)
def test_a_text_loses_its_beginning(text: str, cells: int, shown: str) -> None:
    assert shortened(text, cells) == shown


class _RowsBeforeASize(App[None]):
    """A table whose rows come before the first layout, as from a store that is read faster than the screen is made."""

    def compose(self) -> ComposeResult:
        yield Rows(("run", "recipe", "age"), gives_way=Columns(elastic="recipe", leaving={"age": 18}))

    def on_mount(self) -> None:
        self.query_one(Rows).show_rows({"first": ("first", "x" * 200, "1 s")})


async def test_rows_that_come_before_a_size_are_never_wider_than_the_terminal() -> None:
    app = _RowsBeforeASize()
    async with app.run_test(size=(80, 24)):
        table = app.query_one(Rows)
        assert table.row_count == 1
        assert table.virtual_size.width == 80
        assert not table.show_horizontal_scrollbar


async def test_another_page_is_never_wider_than_the_terminal_for_what_the_one_before_held() -> None:
    app = _RowsBeforeASize()
    async with app.run_test(size=(80, 24)) as pilot:
        table = app.query_one(Rows)
        await pilot.pause()
        table.show_rows({str(number): (str(number), "x" * 200, "1 s") for number in range(50)})
        assert sum(column.get_render_width(table) for column in table.ordered_columns) == 78
