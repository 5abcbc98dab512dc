from __future__ import annotations

import json
from pathlib import Path

import pytest

from sracl.data.sources.columns import Columns
from sracl.data.sources.json_lines import JsonLines
from sracl.data.sources.lines import first_line
from sracl.data.sources.preparation import sequences
from sracl.errors import DataError
from sracl.interfaces import ItemText


def written(tmp_path: Path, *records: object, ends: str = "\n") -> Path:
    path = tmp_path / "shop.jsonl"
    path.write_bytes(("\ufeff" + "".join(json.dumps(record) + ends for record in records)).encode())
    return path


def role(path: Path, columns: Columns | None = None) -> str | None:
    return JsonLines().role(path, first_line(path), columns or Columns())


def test_items_are_read_as_those_of_a_folder(tmp_path: Path) -> None:
    lamp = {"item": 1, "title": "Lamp", "categories": ["Home", "Lamps"], "attributes": {"colour": ["red", "blue"]}, "stars": 4}
    path = written(tmp_path, lamp, {"item": "2", "name": "Mug", "title": None}, {"item": 1, "title": "Again"}, {"item": "z"}, ends="\r\n")
    assert role(path) == "items"
    assert JsonLines().texts(path, Columns(), {"1", "2"}) == {
        "1": ItemText(title="Lamp", categories=("Home", "Lamps"), attributes={"colour": "red blue"}),
        "2": ItemText(),  # the first name that is known counts, as in a table
    }


def test_interactions_may_name_their_keys(tmp_path: Path) -> None:
    path = written(tmp_path, {"buyer": "ann", "sku": 7, "when": "2019-01-01"}, {"buyer": "ann", "sku": 8, "when": 3})
    assert role(path) is None
    columns = Columns(user="buyer", item="sku", time="when")
    assert role(path, columns) == "interactions"
    assert sequences(JsonLines().events(path, columns)) == {"ann": [("7", 1546300800), ("8", 3)]}
    with pytest.raises(DataError, match="there is no column 'whem'. Did you mean 'when'"):
        JsonLines().events(path, Columns(user="buyer", item="sku", time="whem"))


def test_without_times_objects_are_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, {"user": "ann", "item": "b"}, {"user": "ann", "item": "a"})
    assert sequences(JsonLines().events(path, Columns())) == {"ann": [("b", None), ("a", None)]}


def test_times_that_begin_later_are_not_left_out_in_silence(tmp_path: Path) -> None:
    path = written(tmp_path, {"user": "ann", "item": "B"}, {"user": "ann", "item": "A", "timestamp": 1})
    with pytest.raises(DataError, match="jsonl:2: has a time, `timestamp`, and the objects before have none; all need one, or none"):
        JsonLines().events(path, Columns())


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"user": "ann", "time": 1}, "shop.jsonl:2: the key that names the item should hold a name, got None"),
        ({"user": "", "item": "a", "time": 1}, "shop.jsonl:2: the key that names the user should hold a name, got ''"),
        ({"user": "ann", "item": "a"}, "shop.jsonl:2: the time should be a number or a date"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, record: dict[str, object], what: str) -> None:
    with pytest.raises(DataError) as error:
        JsonLines().events(written(tmp_path, {"user": "ann", "item": "a", "time": 1}, record), Columns())
    assert what in str(error.value)


def test_a_broken_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shop\.jsonl:1: `title` should be text or a list of texts"):
        JsonLines().texts(written(tmp_path, {"item": "a", "title": {"en": "Lamp"}}), Columns(), {"a"})
