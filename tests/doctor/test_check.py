from __future__ import annotations

import pytest

from sracl.doctor.check import Check, exit_code


@pytest.mark.parametrize(("codes", "expected"), [((), 0), ((1,), 1), ((5, 1), 5), ((5, 8), 8), ((8, 9, 5), 9)])
def test_the_gravest_problem_gives_the_code(codes: tuple[int, ...], expected: int) -> None:
    assert exit_code([Check("a", "problem", "", exit_code=code) for code in codes]) == expected


def test_warnings_give_none() -> None:
    assert exit_code([Check("a", "warning", "", exit_code=9), Check("b", "ok", "")]) == 0
