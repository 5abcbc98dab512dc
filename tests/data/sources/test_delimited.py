from __future__ import annotations

from pathlib import Path

import pytest

from sracl.data.sources.columns import Columns
from sracl.data.sources.delimited import Delimited, parted
from sracl.data.sources.lines import first_line
from sracl.data.sources.preparation import sequences
from sracl.errors import DataError
from sracl.interfaces import ItemText


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "shop.csv"
    path.write_text(text)
    return path


def role(path: Path, columns: Columns | None = None) -> str | None:
    return Delimited().role(path, first_line(path), columns or Columns())


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
def test_columns_are_known_by_their_names_in_any_order(tmp_path: Path, separator: str) -> None:
    path = written(tmp_path, "rating,Timestamp,movieId,userId\n5,20,m2,u\n1,10,m1,u\n".replace(",", separator))
    assert role(path) == "interactions"
    assert sequences(Delimited().events(path, Columns())) == {"u": [("m2", 20), ("m1", 10)]}


def test_other_columns_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, "buyer,sku,when\nann,7,2019-01-01\n")
    assert role(path) is None
    columns = Columns(user="buyer", item="sku", time="when")
    assert role(path, columns) == "interactions"
    assert sequences(Delimited().events(path, columns)) == {"ann": [("7", 1546300800)]}


def test_a_column_of_times_that_is_not_there_is_not_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item,timestamp\nann,7,1\n")
    with pytest.raises(DataError, match="there is no column 'timestmp'. Did you mean 'timestamp'[?] Columns: user, item, timestamp"):
        Delimited().events(path, Columns(time="timestmp"))


def test_without_a_column_of_times_rows_are_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, "user,item\nann,b\nann,a\n")
    assert sequences(Delimited().events(path, Columns())) == {"ann": [("b", None), ("a", None)]}


def test_texts_may_hold_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'item,Title,genres,brand,description,url\n1,"A ""good"" lamp, large",Home|Lamps,Lux,"Two\nlines",x\n2,,,,,\n1,Again,,,,\n',
    )
    assert role(path) == "items"
    found = Delimited().texts(path, Columns(user="buyer", item="sku"), {"1", "2"})
    assert found == {
        "1": ItemText(title='A "good" lamp, large', brand="Lux", categories=("Home", "Lamps"), description="Two\nlines"),
        "2": ItemText(),
    }


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("user,item\nann,1\nben\n", "shop.csv:3: expected 2 cells, as in the header, got 1"),
        ("user,item\nann,1\n,2\n", "shop.csv:3: the column 'user' is empty"),
        ('user,item\nann,1\n"b\tn",1\n', "shop.csv:3: 'b\\tn' in the column 'user' holds a tab or the end of a line"),
        ('user,item\nann,"1\n', "shop.csv:2: cannot be read as a table (unexpected end of data)"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        Delimited().events(written(tmp_path, text), Columns())
    assert what in str(error.value)


@pytest.mark.parametrize(
    ("head", "width", "separator"),
    [
        ("1::A, b (1995)::Action|Drama", 3, "::"),
        ("1|A, b|x", 3, "|"),
        ("1\tA, b", 2, "\t"),
        ('1,"A, b",x', 3, ","),
        ("1,2,3", 4, ","),
    ],
)
def test_a_first_line_is_parted_into_the_cells_that_are_named(head: str, width: int, separator: str) -> None:
    assert parted(head, width) == separator
