from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from sracl.data.sources.times import seconds
from sracl.errors import DataError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1546300800", 1546300800),  # 2019-01-01, 17897 days of 86,400 seconds
        (" 1.5463008e9 ", 1546300800),
        (1546300800.5, 1546300800.5),
        ("1600000000123456789", 1600000000123456789),  # as a float it would end in 768
        ("2019-01-01", 1546300800),
        ("2019-01-01 00:00:01", 1546300801),
        ("2019-01-01T01:00:00+01:00", 1546300800),
        (datetime(2019, 1, 1), 1546300800),
        (date(2019, 1, 1), 1546300800),
        (Decimal("1546300800"), 1546300800),
    ],
)
def test_numbers_and_dates_are_seconds(value: object, expected: float) -> None:
    assert seconds(value, "") == expected


@pytest.mark.parametrize("value", ["", "noon", "nan", "inf", None, True, float("nan"), ["2019-01-01"]])
def test_what_is_no_time_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(DataError, match="x.inter:7: the time should be a number or a date"):
        seconds(value, "x.inter:7")
