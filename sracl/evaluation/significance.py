"""Whether a difference between two systems is more than noise, and how large it may be: over the users of both, and over seeds.

Two questions, two tests. Over users: would the same two trainings differ on other users of the kind? Over seeds: would other
trainings of the same two recipes differ on these users? Neither answers the other.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

OVER_USERS = "paired t-test"
OVER_SEEDS = "Welch's t-test"
CORRECTION = "Holm"
RELATIVE = "Fieller"

FEWEST_SEEDS = 3
"""Of either side, below which no test over seeds is made: a deviation estimated from two figures says next to nothing."""

_ROUNDING = 1e-12
"""Of a user's metric, in [0, 1]: what two means of the same figures may differ by."""


@dataclass(frozen=True)
class Interval:
    """Where the difference of two means lies, with a confidence of 1 − α: zero is outside exactly where its test has p < α."""

    low: float
    high: float
    relative: tuple[float, float] | None
    """The same as a part of the other's mean, e.g. (.03, .12) for 3 to 12 % more; None where that mean might be zero as well."""


def over_users(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Two-sided p value of a paired t-test over users.

        t = mean(d) / (std(d) / √U),  d = ours − theirs,  U − 1 degrees of freedom

    It is about the mean, which is what tables print. On thousands of users it agrees with the randomisation test and the bootstrap and
    errs as seldom as it promises, while Wilcoxon's and the sign test find differences where there are none (Ihemelandu and Ekstrand).
    With that many users small differences are found as well: how large one is matters as much as that it is there.

    Args:
        ours: A metric per user, [U].
        theirs: The same users in the same order, [U].

    Returns:
        In [0, 1]; 1 where no user differs, or there is but one.

    Source: Ihemelandu and Ekstrand 2023, Inference at scale: significance testing for large search and recommendation
    experiments, arXiv:2305.02461; for smaller collections Smucker, Allan and Carterette 2007, A comparison of statistical
    significance tests for information retrieval evaluation.
    """
    import numpy as np
    from scipy import stats  # with numpy here, since whoever only prints results asks this module for nothing but names

    difference = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    # a mean over seeds may differ from that of as equal figures in its last bits, which a test would take for a difference
    if len(difference) < 2 or np.abs(difference).max() < _ROUNDING:
        return 1.0
    return _p(stats.ttest_1samp, difference, 0.0)


def over_seeds(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Two-sided p value of Welch's t-test between the figures of two recipes, one figure a seed.

    Not paired: a seed that two recipes share gives them no common luck once their computations part (`docs/figures.md` has by how
    much they correlate), and pairing would leave n − 1 degrees of freedom of about 2 n − 2.

    Args:
        ours: A metric per seed.
        theirs: The same metric per seed; the seeds may be others, and of another number.

    Returns:
        In [0, 1]; None where either has fewer than `FEWEST_SEEDS`.

    Source: Colas, Sigaud and Oudeyer 2019, A hitchhiker's guide to statistical comparisons of reinforcement learning
    algorithms, arXiv:1904.06979.
    """
    import numpy as np
    from scipy import stats

    if min(len(ours), len(theirs)) < FEWEST_SEEDS:
        return None
    if np.ptp(ours) == 0 and np.ptp(theirs) == 0:  # seeds change nothing: no deviation to hold the difference against
        return 1.0 if ours[0] == theirs[0] else 0.0
    return _p(stats.ttest_ind, ours, theirs, equal_var=False)


def interval_over_users(ours: np.ndarray, theirs: np.ndarray, *, alpha: float) -> Interval | None:
    """Confidence interval that belongs to `over_users`.

        mean(d) ± t std(d) / √U,  d = ours − theirs,  t the quantile 1 − α/2 with U − 1 degrees of freedom

    Args:
        ours: A metric per user, [U].
        theirs: The same users in the same order, [U].
        alpha: Chance that the difference lies outside, in (0, 1).

    Returns:
        In units of the metric; None where there is but one user.
    """
    import numpy as np

    x, y = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    count = len(x)
    if count < 2:
        return None
    (a, c), (_, b) = np.cov(x, y) / count
    error = float(np.std(x - y, ddof=1)) / math.sqrt(count)
    return _interval(x.mean(), y.mean(), (a, b, c), error=error, freedom=count - 1, alpha=alpha)


def interval_over_seeds(ours: Sequence[float], theirs: Sequence[float], *, alpha: float) -> Interval | None:
    """Confidence interval that belongs to `over_seeds`.

        mean(x) − mean(y) ± t √(var(x) / n + var(y) / m),  t with Welch's degrees of freedom

    Args:
        ours: A metric per seed, n of them.
        theirs: The same metric per seed, m of them.
        alpha: Chance that the difference lies outside, in (0, 1).

    Returns:
        In units of the metric; None where either has fewer than `FEWEST_SEEDS`.
    """
    import numpy as np

    n, m = len(ours), len(theirs)
    if min(n, m) < FEWEST_SEEDS:
        return None
    a, b = float(np.var(ours, ddof=1)) / n, float(np.var(theirs, ddof=1)) / m
    freedom = (a + b) ** 2 / (a**2 / (n - 1) + b**2 / (m - 1)) if a + b else n + m - 2
    return _interval(float(np.mean(ours)), float(np.mean(theirs)), (a, b, 0.0), error=math.sqrt(a + b), freedom=freedom, alpha=alpha)


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for there being several, in the same order.

        p'_(i) = max over j ≤ i of min(1, (m − j + 1) p_(j)),  p_(1) ≤ … ≤ p_(m)

    Rejecting where p' < α rejects anything wrongly with a probability of at most α, however the tests depend on each other.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6.
    """
    corrected = [0.0] * len(values)
    highest = 0.0
    for passed, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, (len(values) - passed) * values[place]))
        corrected[place] = highest
    return corrected


def _interval(x: float, y: float, variances: tuple[float, float, float], *, error: float, freedom: float, alpha: float) -> Interval:
    """The difference of two means, and that as a part of the second.

    What is relative is Fieller's interval, of all ratios r for which x − r y is no more from zero than noise: it counts that y is an
    estimate too, and has 1 within it exactly where the difference has 0.

        (x − r y)² ≤ t² (a − 2 r c + r² b)

    Args:
        x: The mean of ours.
        y: The mean of theirs.
        variances: Of the two means, a and b, and their covariance c.
        error: Standard error of x − y.
        freedom: Degrees of freedom of t.
        alpha: Chance that the difference lies outside.

    Source: Fieller 1954, Some problems in interval estimation, Journal of the Royal Statistical Society B 16.
    """
    from scipy import special

    t = float(special.stdtrit(freedom, 1 - alpha / 2))  # what `stats` has a thousand times faster
    a, b, c = variances
    square, linear = y**2 - t**2 * b, x * y - t**2 * c
    relative = None
    if square > 0:
        # that of the quadratic equation, multiplied out so that of equal rows nothing is left; below zero by rounding alone
        root = t * math.sqrt(max(0.0, a * y**2 - 2 * c * x * y + b * x**2 - t**2 * (a * b - c**2)))
        relative = (float((linear - root) / square - 1), float((linear + root) / square - 1))
    return Interval(float(x - y - t * error), float(x - y + t * error), relative)


def _p(test: Callable[..., Any], *samples: Any, **options: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of differences that are nearly all equal; p is then nearly 0, as it ought to be
        return float(test(*samples, **options).pvalue)
