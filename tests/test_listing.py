"""Rows in columns, and JSON."""

from __future__ import annotations

import json
import math
from datetime import date

import pytest

from sracl import listing


def test_columns_stay_columns_whatever_letters_are_in_them() -> None:
    rows = [["what", "why"], ["测试", "\x1b[31mkilled\x1b[0m\nby \x07nobody"], ["plain", ""]]
    assert listing.aligned(rows, left=2).split("\n") == ["what   why", "测试   killed by  nobody", "plain"]
    assert listing.aligned([["a", "10"], ["é", "9"]]).split("\n") == ["a  10", "é   9"]


def test_json_has_null_where_there_is_no_number() -> None:
    text = listing.as_json([{"mean": math.nan, "values": (1.5, -math.inf)}], ["what could not be read"])
    assert json.loads(text) == {"schema": 1, "data": [{"mean": None, "values": [1.5, None]}], "errors": ["what could not be read"]}


def test_json_has_dates_as_they_are_written_and_nothing_else_that_is_none_of_its_own() -> None:
    assert json.loads(listing.as_json({"day": date(2025, 2, 3)}))["data"] == {"day": "2025-02-03"}
    with pytest.raises(TypeError, match="JSON has no form for"):
        listing.as_json({"path": pytest})
