from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from sracl import letters
from sracl.compare.wording import age, at_most, state_with_sign
from sracl.tracking.identity import State


@pytest.mark.parametrize(
    ("passed", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (86400 * 3 + 5, "3 d")],
)
def test_ages(passed: float, text: str) -> None:
    assert age(timedelta(seconds=passed)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""), (0.2, "≤ 1 s"), (60, "≤ 60 s"), (90, "≤ 90 s"), (91, "≤ 2 min"), (90 * 60, "≤ 90 min"),
        (90 * 60 + 1, "≤ 1.6 h"), (2 * 3600, "≤ 2.0 h"), (9.95 * 3600, "≤ 10 h"), (10 * 3600 + 1, "≤ 11 h"),
        (36 * 3600, "≤ 36 h"), (37 * 3600, "≤ 1.6 d"),
        (30 * 86400, "≤ 30 d"),
    ],
)  # fmt: skip
def test_a_bound_is_rounded_up(seconds: float | None, text: str) -> None:
    assert at_most(seconds) == text


def test_every_state_has_a_sign_before_its_word_that_is_its_own_in_ascii_too() -> None:
    states: tuple[State, ...] = get_args(State)
    signs = {state: state_with_sign(state).removesuffix(f" {state}") for state in states}
    assert all(len(sign) == 1 for sign in signs.values())
    sure = [sign for state, sign in signs.items() if not state.endswith("?")]
    assert len({letters.near(sign) if not sign.isascii() else sign for sign in (*sure, "?")}) == len(sure) + 1
    assert {sign for state, sign in signs.items() if state.endswith("?")} == {"?"}
