from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sracl.evaluation import bootstrap
from sracl.evaluation.bootstrap import RESAMPLES, interval, p_value, resampled
from sracl.evaluation.significance import Interval, interval_over_users


def both(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second = resampled(np.stack([ours, theirs], axis=1)).T
    return first, second


def test_three_users_by_hand() -> None:
    # d = -1, 2, 2. Of 27 resamples one has only -1 and six have two of it, whose sums are -3 and 0: P(d ≤ 0) = 7/27, p = 14/27.
    # Standard error of the estimate 2 √(7/27 · 20/27 / 9999) = .0088
    assert p_value(*both(np.asarray([0.0, 2.0, 2.0]), np.asarray([1.0, 0.0, 0.0]))) == pytest.approx(14 / 27, abs=4 * 0.0088)


def test_means_of_resamples_are_those_of_as_many_users_drawn_with_replacement() -> None:
    # 40 of 200 are hit: a resample's hits are binomial, of mean 40 and variance 200 · .2 · .8 = 32
    hits = 200 * resampled(np.repeat([1.0, 0.0], [40, 160])[:, None])[:, 0]
    assert hits.shape == (RESAMPLES,)
    assert hits.mean() == pytest.approx(40, abs=4 * (32 / RESAMPLES) ** 0.5)
    assert hits.var() == pytest.approx(32, rel=4 * (2 / RESAMPLES) ** 0.5)
    assert stats.kstest(hits + np.random.default_rng(0).random(RESAMPLES) - 0.5, stats.norm(40, 32**0.5).cdf).statistic < 0.03


def test_rows_are_measured_on_the_same_resamples() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((300, 3))
    together = resampled(values)
    assert together[:, 2] == pytest.approx(resampled(values[:, 2:])[:, 0], abs=1e-12)
    first, second = both(values[:, 0] + 0.25, values[:, 0])
    assert first - second == pytest.approx(np.full(RESAMPLES, 0.25), abs=1e-12)


def test_the_same_twice() -> None:
    values = np.random.default_rng(0).random((100, 2))
    assert np.array_equal(resampled(values), resampled(values))


def test_an_interval_of_hits_is_binomial() -> None:
    found = interval(*both(np.repeat([1.0, 0.0], [40, 160]), np.zeros(200)), alpha=0.05)
    # .025 and .975 of Binomial(200, .2): 29 and 51 hits
    assert tuple(stats.binom.ppf([0.025, 0.975], 200, 0.2)) == (29, 51)
    assert (found.low, found.high) == pytest.approx((29 / 200, 51 / 200), abs=1.01 / 200)
    assert found.relative is None  # of a mean of zero


def test_of_many_users_it_is_the_t_interval() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.random(2000) < 0.2
    ours = theirs ^ (rng.random(2000) < 0.1)
    found, expected = interval(*both(ours * 1.0, theirs * 1.0), alpha=0.05), interval_over_users(ours, theirs, alpha=0.05)
    assert expected is not None
    error = (expected.high - expected.low) / (2 * 1.96)
    # a quantile of so many has a standard error of √(.025 · .975 / 9999) / φ(1.96) = .027 of these
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.15 * error)
    assert found.relative is not None
    assert expected.relative is not None
    assert found.relative == pytest.approx(expected.relative, abs=0.15 * (expected.relative[1] - expected.relative[0]) / (2 * 1.96) + 0.005)


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.05, 0.07, 0.3])
def test_zero_is_outside_exactly_where_p_is_below_alpha(alpha: float) -> None:
    drawn = np.random.default_rng(0).random(RESAMPLES) + 1
    beyond = round(alpha / 2 * (RESAMPLES + 1))
    for below in (beyond - 3, beyond - 2, beyond - 1, beyond, beyond + 1):
        theirs = np.sort(drawn)
        ours = theirs + np.where(np.arange(RESAMPLES) < below, -0.5, 0.5)
        found = interval(ours, theirs, alpha=alpha)
        assert (found.low > 0) == (p_value(ours, theirs) < alpha)
        assert (interval(theirs, ours, alpha=alpha).high < 0) == (p_value(theirs, ours) < alpha)
        assert found.relative is not None
        assert (found.relative[0] > 0) == (found.low > 0)


def test_equal_rows_have_p_1_and_the_same_gain_for_everyone_the_least_there_is() -> None:
    same = np.random.default_rng(0).random(50)
    assert p_value(*both(same, same)) == 1.0
    assert interval(*both(same, same), alpha=0.05) == Interval(0.0, 0.0, (0.0, 0.0))
    assert p_value(*both(same + 0.25, same)) == 2 / (RESAMPLES + 1)


def test_of_two_alike_systems_one_in_twenty_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "RESAMPLES", 999)
    rng = np.random.default_rng(0)
    found = [p_value(*both(rng.random(200) < 0.2, rng.random(200) < 0.2)) for _ in range(300)]
    assert 0.01 < np.mean(np.asarray(found) < 0.05) < 0.1  # 0.05 ± 4 √(0.05 · 0.95 / 300)


def test_a_level_that_resamples_cannot_tell_of() -> None:
    with pytest.raises(ValueError, match=r"for an alpha of 0\.001 or more, got 0\.0001"):
        interval(*both(np.ones(5), np.zeros(5)), alpha=0.0001)
