from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sracl.data.sources.amazon import Amazon
from sracl.data.sources.columns import Columns
from sracl.data.sources.lines import first_line
from sracl.data.sources.preparation import sequences
from sracl.errors import DataError
from sracl.interfaces import ItemText

REVIEW = {
    "reviewerID": "A1",
    "asin": "B1",
    "reviewerName": "Ann",
    "overall": 1.0,
    "unixReviewTime": 1390000000,
    "reviewTime": "01 17, 2014",
}
PRODUCT = {
    "asin": "B1",
    "related": {"also_bought": ["B2"]},
    "title": 'The "Lamp\'s" &amp; more',
    "price": 9.5,
    "salesRank": {"Beauty": 3},
    "imUrl": "http://example.org/x.jpg",
    "brand": "Lux",
    "categories": [["Beauty", "Light", "Lamps"], ["Beauty", "Light", "Candles"]],
    "description": "Bright.",
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        path = tmp_path / "data.json.gz"
        path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
        return path

    return write


def role(path: Path) -> str | None:
    return Amazon().role(path, first_line(path), Columns())


def test_reviews_and_products_are_told_apart(write: Callable[..., Path]) -> None:
    assert role(write(json.dumps(REVIEW))) == "interactions"
    assert role(write(json.dumps(PRODUCT))) == "items"
    assert role(write(repr(PRODUCT))) == "items"
    assert role(write('{"item": 1}')) is None
    assert role(write("asin,reviewerID")) is None


def test_every_rating_counts_in_the_order_of_the_file(write: Callable[..., Path]) -> None:
    path = write(json.dumps(REVIEW), json.dumps({**REVIEW, "asin": "B2", "overall": 5.0, "unixReviewTime": 1300000000}))
    assert sequences(Amazon().events(path, Columns())) == {"A1": [("B1", 1390000000), ("B2", 1300000000)]}


@pytest.mark.parametrize("form", [json.dumps, repr])
def test_products_are_read_as_json_and_as_python_literals(write: Callable[..., Path], form: Callable[[object], str]) -> None:
    path = write(form(PRODUCT), form({"asin": "B2", "categories": [["Beauty"]]}), form({"asin": "B3", "title": "Other"}))
    assert Amazon().texts(path, Columns(), {"B1", "B2"}) == {
        "B1": ItemText(
            title='The "Lamp\'s" &amp; more',
            brand="Lux",
            categories=("Light", "Lamps", "Candles"),  # the department is that of all
            description="Bright.",
            attributes={"price": "9.5"},  # ranks and what was bought together tell of the future
        ),
        "B2": ItemText(),
    }


def test_a_literal_is_never_evaluated(write: Callable[..., Path], tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = write(f"{{'asin': 'B1', 'title': open({str(trap)!r}, 'w')}}")
    with pytest.raises(DataError, match=r"data\.json\.gz:1: is neither JSON nor a Python literal"):
        Amazon().texts(path, Columns(), {"B1"})
    assert not trap.exists()


def test_lines_of_other_products_are_not_read(write: Callable[..., Path]) -> None:
    path = write("{'asin': 'B9', 'title': broken", repr(PRODUCT))
    assert list(Amazon().texts(path, Columns(), {"B1"})) == ["B1"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"reviewerID": ""}, "`reviewerID` should be a name, got ''"),
        ({"asin": None}, "`asin` should be a name, got None"),
        ({"unixReviewTime": None}, "the time should be a number or a date"),
    ],
)
def test_a_broken_review_names_its_line(write: Callable[..., Path], changes: dict[str, object], what: str) -> None:
    path = write(json.dumps(REVIEW), json.dumps({**REVIEW, **changes}))
    with pytest.raises(DataError) as error:
        Amazon().events(path, Columns())
    assert "data.json.gz:2: " in str(error.value)
    assert what in str(error.value)


def test_a_review_that_is_cut_names_its_line(write: Callable[..., Path]) -> None:
    path = write(json.dumps(REVIEW), json.dumps(REVIEW)[:40])
    with pytest.raises(DataError, match=r"data\.json\.gz:2: is neither JSON nor a Python literal"):
        Amazon().events(path, Columns())
