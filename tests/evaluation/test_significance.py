from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sracl.evaluation.significance import holm, over_seeds, over_users


class TestOverUsers:
    def test_four_users_by_hand(self) -> None:
        # d = 1, 2, 3, 2: mean 2, squared deviations 1 + 0 + 1 + 0 over 3, so std √(2/3) and t = 2 / (√(2/3) / √4) = 2√6 = 4.898979.
        # With 3 degrees of freedom P(|T| > t) = 1 - 2/π (atan(t/√3) + (t/√3) / (1 + t²/3)); t²/3 = 8, t/√3 = 2√2.
        expected = 1 - 2 / math.pi * (math.atan(2 * math.sqrt(2)) + 2 * math.sqrt(2) / 9)
        assert over_users(np.asarray([2.0, 4.0, 4.0, 3.0]), np.asarray([1.0, 2.0, 1.0, 1.0])) == pytest.approx(expected, rel=1e-9)
        assert expected == pytest.approx(0.0163, abs=5e-5)

    def test_it_has_two_sides(self) -> None:
        ours, theirs = np.asarray([1.0, 0.5, 0.0, 1.0]), np.asarray([0.0, 0.5, 0.0, 0.5])
        assert over_users(ours, theirs) == over_users(theirs, ours)

    def test_users_that_tie_count_as_users(self) -> None:
        # 1 of 100 differs: t = 1 exactly (mean .01, std .1, √100), far from any mark
        ours = np.zeros(100)
        ours[0] = 1
        assert over_users(ours, np.zeros(100)) == pytest.approx(2 * stats.t.sf(1, 99))

    @pytest.mark.parametrize("users", [1, 2, 5])
    def test_equal_rows_have_p_1(self, users: int) -> None:
        assert over_users(np.full(users, 0.3), np.full(users, 0.3)) == 1.0

    def test_a_mean_over_equal_seeds_is_no_difference(self) -> None:
        reciprocal = 1 / np.arange(1, 11, dtype=np.float64).repeat(50)
        ours = np.mean([reciprocal] * 3, axis=0)
        assert (ours != reciprocal).any()  # by a last bit
        assert over_users(ours, reciprocal) == 1.0

    def test_one_user_says_nothing(self) -> None:
        assert over_users(np.asarray([1.0]), np.asarray([0.0])) == 1.0

    @pytest.mark.filterwarnings("error")
    def test_the_same_gain_for_everyone_is_no_noise(self) -> None:
        assert over_users(np.full(50, 0.75), np.full(50, 0.5)) == 0.0

    def test_hits_may_be_booleans(self) -> None:
        ours, theirs = np.asarray([True, True, False, True]), np.asarray([False, True, False, False])
        assert over_users(ours, theirs) == pytest.approx(over_users(ours * 1.0, theirs * 1.0))

    def test_of_two_alike_systems_one_in_twenty_differs(self) -> None:
        rng = np.random.default_rng(0)
        found = [over_users(rng.random(200) < 0.1, rng.random(200) < 0.1) for _ in range(1000)]
        assert 0.03 < np.mean(np.asarray(found) < 0.05) < 0.07  # 0.05 ± 3 √(0.05 · 0.95 / 1000)


class TestOverSeeds:
    def test_three_seeds_by_hand(self) -> None:
        # means 5 and 2, variances 1 and 1: t = 3 / √(1/3 + 1/3) = 3.674235 with (2/3)² / (2 (1/3)² / 2) = 4 degrees of freedom.
        # With 4, P(|T| > t) = 1 - y (3 - y²) / 2 for y = t / √(t² + 4); t² = 13.5
        y = math.sqrt(13.5 / 17.5)
        assert over_seeds([4, 5, 6], [1, 2, 3]) == pytest.approx(1 - y * (3 - y**2) / 2, rel=1e-9)

    def test_fewer_than_three_are_not_tested(self) -> None:
        assert over_seeds([0.1, 0.2], [0.3, 0.4, 0.5]) is None
        assert over_seeds([0.1, 0.2, 0.3], [0.3]) is None

    def test_seeds_that_change_nothing(self) -> None:
        assert over_seeds([0.1] * 3, [0.1] * 3) == 1.0
        assert over_seeds([0.1] * 3, [0.2] * 3) == 0.0

    def test_seeds_of_one_side_may_change_nothing(self) -> None:
        assert over_seeds([0.1, 0.1, 0.1], [0.2, 0.3, 0.4]) == pytest.approx(stats.ttest_1samp([0.2, 0.3, 0.4], 0.1).pvalue)


class TestHolm:
    def test_by_hand(self) -> None:
        # sorted .01 .03 .04: 3 · .01 = .03; 2 · .03 = .06; 1 · .04 = .04, but never below the one before
        assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])

    def test_never_above_1(self) -> None:
        assert holm([0.6, 0.9]) == [1.0, 1.0]

    def test_ties_are_treated_alike(self) -> None:
        assert holm([0.02, 0.02, 0.5]) == pytest.approx([0.06, 0.06, 0.5])

    def test_one_or_none(self) -> None:
        assert holm([0.03]) == [0.03]
        assert holm([]) == []
