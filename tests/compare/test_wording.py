from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from sracl import letters
from sracl.compare.wording import age, at_most, cell_in_short, state_with_sign
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


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (80, "cross.weight=0.1 intra.weight=0.2 temperature=0.5"),
        (49, "cross.weight=0.1 intra.weight=0.2 temperature=0.5"),
        (48, "cross.weig…=0.1 intra.weig…=0.2 temperature=0.5"),
        (20, "c…=0.1 i…=0.2 t…=0.5"),
        (12, "c…=0.1 i…=0…"),
    ],
)
def test_what_a_matrix_chose_keeps_its_values_as_far_as_there_is_room(room: int, told: str) -> None:
    chosen = {"objective.cross.weight": 0.1, "objective.intra.weight": 0.2, "objective.cross.loss.temperature": 0.5}
    assert cell_in_short(chosen, room) == told


def test_an_axis_goes_by_the_end_of_its_path_that_no_other_has() -> None:
    assert cell_in_short({"train.epochs": 4}, 40) == "epochs=4"
    assert cell_in_short({"weight": 1, "a.weight": 2, "b.a.weight": 3}, 60) == "weight=1 a.weight=2 b.a.weight=3"
    assert cell_in_short({"a": 1}, 40) == "a=1"
    assert cell_in_short({}, 40) == ""
