from __future__ import annotations

from datetime import timedelta

import pytest

from sracl.compare.wording import age


@pytest.mark.parametrize(
    ("passed", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (86400 * 3 + 5, "3 d")],
)
def test_ages(passed: float, text: str) -> None:
    assert age(timedelta(seconds=passed)) == text
