from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sracl.evaluation.signed_rank import signed_rank


def against_nothing(differences: list[float]) -> float:
    return signed_rank(np.asarray(differences), np.zeros(len(differences)))


def test_five_users_by_hand() -> None:
    # -.05 has rank 1, all others gain: W- = 1. Of 2⁵ signs two have W- of at most 1 (none, and rank 1 alone): p = 2 · 2 / 32
    assert against_nothing([0.1, 0.2, -0.05, 0.3, 0.4]) == pytest.approx(0.125)


def test_users_whom_neither_row_serves_change_nothing() -> None:
    # Pratt's zeros would take ranks 1 to 1000: W- = 1001 of 5015, nearly one of five users, and p near that of the sign test
    differences = [0.1, 0.2, -0.05, 0.3, 0.4]
    assert against_nothing([*differences, *[0.0] * 1000]) == pytest.approx(0.125)


def test_of_hits_it_is_the_sign_test() -> None:
    # 40 gain, 15 lose, 245 do neither; the 55 share the rank 28: z = 28 (40 - 15) / 2 / √(55 · 28² / 4) = 25 / √55
    assert against_nothing([1.0] * 40 + [-1.0] * 15 + [0.0] * 245) == pytest.approx(2 * stats.norm.sf(25 / 55**0.5))


def test_few_large_losses_weigh_less_than_many_small_gains() -> None:
    differences = [0.1] * 60 + [-1.0] * 10  # of a mean below zero
    assert np.mean(differences) < 0
    # the 60 share the rank 30.5, the 10 have 65.5: W+ - W- = 1830 - 655, Σ r² = 60 · 30.5² + 10 · 65.5²
    z = (1830 - 655) / (60 * 30.5**2 + 10 * 65.5**2) ** 0.5
    assert against_nothing(differences) == pytest.approx(2 * stats.norm.sf(z))


def test_differences_that_are_equal_but_for_their_last_bits_tie() -> None:
    assert 0.1 + 0.2 != 0.3
    alike = [0.3, 0.3, -0.3, 0.3, 0.5, -0.7, 0.9, 0.9]
    assert against_nothing([0.1 + 0.2, 0.3, -(0.1 + 0.2), *alike[3:]]) == against_nothing(alike)
    assert against_nothing([1e-16, -1e-16, 1e-16]) == 1.0


def test_it_has_two_sides() -> None:
    ours, theirs = np.asarray([1.0, 0.5, 0.0, 1.0, 0.2]), np.asarray([0.0, 0.5, 0.0, 0.6, 0.3])
    assert signed_rank(ours, theirs) == signed_rank(theirs, ours) < 1


@pytest.mark.parametrize("users", [1, 2, 5])
def test_equal_rows_have_p_1(users: int) -> None:
    assert signed_rank(np.full(users, 0.3), np.full(users, 0.3)) == 1.0


def test_one_user_says_nothing() -> None:
    assert against_nothing([1.0]) == 1.0
