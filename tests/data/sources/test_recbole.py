from __future__ import annotations

from pathlib import Path

import pytest

from sracl.data.sources.columns import Columns
from sracl.data.sources.preparation import sequences
from sracl.data.sources.recbole import RecBole
from sracl.errors import DataError
from sracl.interfaces import ItemText

INTER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
ITEM = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\tprice:float\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "toy.inter"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (INTER, "interactions"),
        (ITEM, "items"),
        ("user_id:token\tage:token", None),
        ("user_id\titem_id", None),
        ("user_id:str\titem_id:token", None),
    ],
)
def test_the_header_tells_what_a_file_holds(tmp_path: Path, head: str, expected: str | None) -> None:
    assert RecBole().role(tmp_path, head.rstrip("\n"), Columns()) == expected


def test_interactions_are_read_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, INTER + "u\tb\t3\t10.5\nu\ta\t5\t8.81250949e8\n")
    assert sequences(RecBole().events(path, Columns())) == {"u": [("b", 10.5), ("a", 881250949.0)]}


def test_other_names_of_fields_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, "buyer:token\titem_id:token\twhen:float\ttimestamp:float\nu\ta\t2\t9\n")
    columns = Columns(user="buyer", time="when")
    assert RecBole().role(path, path.read_text().splitlines()[0], columns) == "interactions"
    assert sequences(RecBole().events(path, columns)) == {"u": [("a", 2)]}


def test_tokens_become_attributes(tmp_path: Path) -> None:
    path = written(tmp_path, ITEM + "1\tToy Story\t1995\tAnimation Children's\t9.5\n2\t\t\t'Sci-Fi', 'Film noir'\t\n3\tOther\t1\tx\t1\n")
    assert RecBole().texts(path, Columns(), {"1", "2"}) == {
        "1": ItemText(title="Toy Story", categories=("Animation", "Children's"), attributes={"release_year": "1995"}),
        "2": ItemText(categories=("Sci-Fi", "Film noir")),
    }


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("u\ta\t5", "toy.inter:3: expected 4 fields separated by tabs, as in the header, got 3"),
        ("\ta\t5\t1", "toy.inter:3: the column 'user_id' is empty"),
        ("u\ta\t5\t", "toy.inter:3: the time should be a number or a date"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, what: str) -> None:
    with pytest.raises(DataError) as error:
        RecBole().events(written(tmp_path, INTER + "u\ta\t5\t1\n" + line + "\n"), Columns())
    assert what in str(error.value)
