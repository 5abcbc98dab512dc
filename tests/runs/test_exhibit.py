from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sracl.errors import DataError
from sracl.runs.exhibit import FILE, Exhibit, Item, Neighbour, Sequence, write

ITEMS = [
    Item(1, "B01", "Lip 100% balm", "a balm", ((2, 0.9), (3, 0.5))),
    Item(2, "B02", "Lip stick", "a stick", ((1, 0.9),)),
    Item(3, "C03", "Named only"),
]
NEAR = Neighbour("bo up to 4", (3, 1), "likes balm", 0.75, 0.4)
SEQUENCES = [Sequence(0, "ann", (1, 2), "ann likes lips", (NEAR,)), Sequence(7, "Bo", (2,))]


@pytest.fixture
def exhibit(tmp_path: Path) -> Exhibit:
    write(tmp_path / FILE, facts={"weighed_by": "attention"}, items=ITEMS, sequences=SEQUENCES)
    return Exhibit.open(tmp_path / FILE)


def test_what_was_written_comes_back(exhibit: Exhibit) -> None:
    assert exhibit.facts == {"version": 1, "weighed_by": "attention"}
    assert exhibit.items([1, 2, 3, 99]) == {item.id: item for item in ITEMS}
    assert [exhibit.sequence(0), exhibit.sequence(7)] == SEQUENCES
    with pytest.raises(DataError, match="no sequence 3"):
        exhibit.sequence(3)


@pytest.mark.parametrize(("text", "found"), [("LIP", [1, 2]), ("b0", [1, 2]), ("100%", [1]), ("%", [1]), ("_", []), ("Named", [])])
def test_items_are_found_by_name_or_title_and_no_letter_stands_for_others(text: str, found: list[int], exhibit: Exhibit) -> None:
    assert [item.id for item in exhibit.find_items(text)] == found


def test_sequences_are_found_by_their_user(exhibit: Exhibit) -> None:
    assert [row.name for row in exhibit.find_sequences("bo")] == ["Bo"]
    assert [row.name for row in exhibit.find_sequences(limit=1)] == ["ann"]


def test_an_exhibit_is_replaced_whole(exhibit: Exhibit) -> None:
    write(exhibit.file, facts={}, items=[], sequences=[])
    assert exhibit.items([1]) == {}
    assert [file.name for file in exhibit.file.parent.iterdir()] == [FILE]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / FILE
    with pytest.raises(DataError, match="is not there"):
        Exhibit.open(file)
    file.write_bytes(b"no database" * 100)
    with pytest.raises(DataError, match="cannot be read"):
        Exhibit.open(file)
    file.unlink()
    write(file, facts={}, items=[], sequences=[])
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE fact SET value = '2' WHERE name = 'version'")
    with pytest.raises(DataError, match="of version 2; this program reads version 1"):
        Exhibit.open(file)
