from __future__ import annotations

import pytest

from sracl.doctor.surroundings import slots


def test_slots_that_no_worker_would_take_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_SLOTS", "two")
    (check,) = slots()
    assert (check.level, check.exit_code) == ("problem", 2)
    assert "SRACL_SLOTS is 'two'; it should be how many jobs" in check.found


@pytest.mark.parametrize("asked", ["", "2"])
def test_slots_that_are_a_number_are_not_told(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("SRACL_SLOTS", asked)
    assert slots() == []
