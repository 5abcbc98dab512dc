"""The exponent of a growth."""

from __future__ import annotations

import pytest

from benchmarks import growth


def test_exponent_of_a_power() -> None:
    assert growth.exponent([(x, 3 * x**1.5) for x in (1, 2, 4, 8)]) == pytest.approx(1.5)


def test_every_size_can_be_varied() -> None:
    # one step of each kind on the smallest sizes; the time is not judged
    for arguments in ({"batch_size": 8}, {"length": 3}, {"neighbours": 0}):
        growth.step(**arguments)()
    growth.evaluation(users=10, items=50)()
