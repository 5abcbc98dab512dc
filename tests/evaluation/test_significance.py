from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sracl.evaluation.significance import holm, interval_over_seeds, interval_over_users, over_seeds, over_users


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


class TestIntervalOverUsers:
    def test_four_users_by_hand(self) -> None:
        # d = 1, 2, 3, 2: mean 2, standard error √(2/3) / √4 = .408248; t.975 = 3.182446 with 3 degrees of freedom: 2 ± 1.299228
        # means 13/4 and 5/4 with variances 11/48 and 1/16 and covariance 1/16, t² = 10.127964:
        # r² (25/16 - t²/16) - 2 r (65/16 - t²/16) + 169/16 - 11 t²/48 = .929502 r² - 6.859004 r + 8.241508 = 0 at 1.510930 and 5.868293
        found = interval_over_users(np.asarray([2.0, 4.0, 4.0, 3.0]), np.asarray([1.0, 2.0, 1.0, 1.0]), alpha=0.05)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((0.700772, 3.299228), abs=1e-6)
        assert found.relative == pytest.approx((0.510930, 4.868293), abs=1e-6)

    def test_each_end_is_where_the_test_has_p_alpha(self) -> None:
        rng = np.random.default_rng(0)
        ours, theirs = rng.random(50) < 0.5, rng.random(50) < 0.4
        found = interval_over_users(ours, theirs, alpha=0.1)
        assert found is not None
        assert found.relative is not None
        for end, share in zip((found.low, found.high), found.relative, strict=True):
            assert stats.ttest_rel(ours * 1.0, theirs + end).pvalue == pytest.approx(0.1)
            assert stats.ttest_rel(ours * 1.0, theirs * (1 + share)).pvalue == pytest.approx(0.1)

    def test_equal_rows_and_one_user(self) -> None:
        same = np.asarray([0.7, 0.8, 0.75])
        found = interval_over_users(same, same, alpha=0.05)
        assert found is not None
        assert (found.low, found.high, found.relative) == (0.0, 0.0, (0.0, 0.0))
        assert interval_over_users(np.asarray([1.0]), np.asarray([0.0]), alpha=0.05) is None

    def test_nothing_relative_to_what_may_be_zero(self) -> None:
        found = interval_over_users(np.asarray([1.0, 1.0, 0.0, 1.0]), np.asarray([0.0, 0.0, 0.0, 1.0]), alpha=0.05)
        assert found is not None  # theirs: 1/4 with a standard error of 1/4
        assert found.relative is None


class TestIntervalOverSeeds:
    def test_three_seeds_by_hand(self) -> None:
        # 5 - 2 with a standard error of √(1/3 + 1/3) = .816497; t.975 = 2.776445 with 4 degrees of freedom: 3 ± 2.266958
        # t² / 3 = 2.569549: (4 - 2.569549) r² - 20 r + 25 - 2.569549 = 0 at 1.229671 and 12.751935
        found = interval_over_seeds([4, 5, 6], [1, 2, 3], alpha=0.05)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((0.733042, 5.266958), abs=1e-6)
        assert found.relative == pytest.approx((0.229671, 11.751935), abs=1e-6)

    def test_it_is_welchs_where_deviations_and_numbers_differ(self) -> None:
        ours, theirs = [0.50, 0.52, 0.51, 0.55], [0.40, 0.48, 0.43]
        found = interval_over_seeds(ours, theirs, alpha=0.01)
        assert found is not None
        for end in (found.low, found.high):
            assert stats.ttest_ind(ours, np.asarray(theirs) + end, equal_var=False).pvalue == pytest.approx(0.01)

    def test_fewer_than_three_have_none(self) -> None:
        assert interval_over_seeds([0.1, 0.2], [0.3, 0.4, 0.5], alpha=0.05) is None

    def test_seeds_that_change_nothing(self) -> None:
        found = interval_over_seeds([0.3] * 3, [0.2] * 3, alpha=0.05)
        assert found is not None
        assert (found.low, found.high) == pytest.approx((0.1, 0.1))
        assert found.relative == pytest.approx((0.5, 0.5))


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
