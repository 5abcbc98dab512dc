from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sracl.data.sources.columns import Columns
from sracl.data.sources.parquet import Parquet
from sracl.data.sources.preparation import sequences
from sracl.errors import DataError, ResourceError
from sracl.interfaces import ItemText


def test_without_pyarrow_a_parquet_file_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "shop.parquet"
    path.write_bytes(b"PAR1....PAR1")
    with pytest.raises(ResourceError, match=r"shop\.parquet is a Parquet file, and reading it needs pyarrow: pip install pyarrow"):
        Parquet().role(path, "", Columns())


def test_other_files_need_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = tmp_path / "shop.csv"
    path.write_text("user,item\n")
    assert Parquet().role(path, "user,item", Columns()) is None


def test_tables_are_read_column_by_column(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    shop, things = tmp_path / "shop.parquet", tmp_path / "things.parquet"
    parquet.write_table(pyarrow.table({"user_id": [7, 7], "item_id": ["b", "a"], "timestamp": [20, 10]}), shop)
    parquet.write_table(pyarrow.table({"item_id": ["a"], "title": ["A"], "categories": [["x, y", "z"]], "brand": [None]}), things)
    assert [Parquet().role(path, "", Columns()) for path in (shop, things)] == ["interactions", "items"]
    assert sequences(Parquet().events(shop, Columns())) == {"7": [("b", 20), ("a", 10)]}
    assert Parquet().texts(things, Columns(), {"a"}) == {"a": ItemText(title="A", categories=("x, y", "z"))}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "shop.parquet"
    path.write_bytes(b"PAR1....")
    with pytest.raises(DataError, match=r"shop\.parquet: cannot be read as Parquet"):
        Parquet().role(path, "", Columns())


def test_columns_may_have_other_types(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    shop = tmp_path / "shop.parquet"
    seconds = 1_546_300_800  # 2019-01-01
    columns = {
        "date": pyarrow.array([date(2019, 1, 1)]),
        "nanoseconds": pyarrow.array([seconds * 10**9 + 1], pyarrow.timestamp("ns")),
        "decimal": pyarrow.array([Decimal(seconds)]),
    }
    for times in columns.values():
        parquet.write_table(pyarrow.table({"user_id": [b"ann"], "item_id": ["a"], "timestamp": times}), shop)
        assert sequences(Parquet().events(shop, Columns())) == {"ann": [("a", seconds)]}


def test_a_file_damaged_within_is_named(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    shop = tmp_path / "shop.parquet"
    names = [f"n{number}" for number in range(5000)]
    parquet.write_table(pyarrow.table({"user_id": names, "item_id": names}), shop)
    whole = shop.read_bytes()
    shop.write_bytes(whole[:1000] + b"\xff" * 8000 + whole[9000:])
    with pytest.raises(DataError, match=r"shop\.parquet: cannot be read as Parquet beyond row 0"):
        Parquet().events(shop, Columns())
