from __future__ import annotations

import json
from pathlib import Path

import pytest

from sracl.data.sources.columns import Columns
from sracl.data.sources.preparation import sequences
from sracl.data.sources.yelp import Yelp
from sracl.errors import DataError
from sracl.interfaces import ItemText

REVIEW = {"review_id": "r", "user_id": "u", "business_id": "b", "stars": 4.0, "text": "Good.", "date": "2019-01-01 00:00:05"}
BUSINESS = {
    "business_id": "b",
    "name": "Café",
    "address": "1 Main St",
    "city": "Tampa",
    "state": "FL",
    "stars": 4.5,
    "review_count": 80,
    "categories": "Food,  Coffee & Tea",
    "attributes": {"WiFi": "u'free'"},
}


def written(tmp_path: Path, *records: object) -> Path:
    path = tmp_path / "yelp.json"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_reviews_and_businesses_are_told_apart(tmp_path: Path) -> None:
    roles = [Yelp().role(tmp_path, json.dumps(record), Columns()) for record in (REVIEW, BUSINESS, {"user_id": "u", "name": "Ann"})]
    assert roles == ["interactions", "items", None]


def test_times_are_seconds(tmp_path: Path) -> None:
    path = written(tmp_path, REVIEW, {**REVIEW, "date": "2018-12-31"})
    assert sequences(Yelp().events(path, Columns())) == {"u": [("b", 1546300805), ("b", 1546214400)]}


def test_of_businesses_what_users_made_of_them_is_left_out(tmp_path: Path) -> None:
    path = written(tmp_path, BUSINESS, {**BUSINESS, "business_id": "c"}, {"business_id": "d", "name": "Bar", "categories": None})
    assert Yelp().texts(path, Columns(), {"b", "d"}) == {
        "b": ItemText(title="Café", categories=("Food", "Coffee & Tea"), attributes={"city": "Tampa", "state": "FL"}),
        "d": ItemText(title="Bar"),
    }


def test_a_broken_date_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"yelp\.json:2: the time should be .* got 'soon'"):
        Yelp().events(written(tmp_path, REVIEW, {**REVIEW, "date": "soon"}), Columns())
