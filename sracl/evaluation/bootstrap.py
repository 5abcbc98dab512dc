"""The paired bootstrap over users: what means would be of other users of the kind, drawn from those there are.

A resample draws as many users as there are, with replacement, and every row is measured on the same ones. How often each is drawn
is all that a mean needs, so that a block of resamples is one product of counts and figures.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sracl.evaluation.significance import Interval

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 9_999
"""One less than a round number, so that with what was observed the share of a tail comes out even."""

LOWEST_ALPHA = 0.001
"""Below which too few resamples lie beyond the ends of an interval to say where these are."""

_SEED = 1979
"""Always the same, so that the same runs have the same p values."""
_BLOCK = 64
"""Resamples that are counted at once: of 22,000 users 11 MB."""
_DECIMALS = 12
"""Of a mean, in [0, 1], beyond which sums of the same figures in another order may differ."""


def resampled(values: np.ndarray) -> np.ndarray:
    """Means over the users of every resample.

    Args:
        values: Figures of every user, a column for each row and metric, float64 [U, T].

    Returns:
        float64 [RESAMPLES, T]. Which users are drawn depends on U alone, so that columns of several calls may be paired.

    Source: Efron 1979, Bootstrap methods: another look at the jackknife, The Annals of Statistics 7.
    """
    import numpy as np  # here, as in `significance`

    users = len(values)
    rng = np.random.default_rng(_SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for begin in range(0, RESAMPLES, _BLOCK):
        size = min(_BLOCK, RESAMPLES - begin)
        counts = np.empty((size, users))
        for resample in counts:
            resample[:] = np.bincount(rng.integers(users, size=users), minlength=users)
        means[begin : begin + size] = counts @ values / users
    return means


def p_value(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Two-sided p value of a difference of means.

        p = 2 min(1 + #(d ≤ 0), 1 + #(d ≥ 0)) / (RESAMPLES + 1),  d = ours − theirs

    Args:
        ours: A column of `resampled`.
        theirs: Another, of the same users.

    Returns:
        In [2 / (RESAMPLES + 1), 1]; 1 where no user differs.

    Source: Davison and Hinkley 1997, Bootstrap methods and their application, section 4.4, for the added one.
    """
    import numpy as np

    difference = np.round(ours - theirs, _DECIMALS)
    tail = min(int((difference <= 0).sum()), int((difference >= 0).sum()))
    return min(1.0, 2 * (1 + tail) / (RESAMPLES + 1))


def interval(ours: np.ndarray, theirs: np.ndarray, *, alpha: float) -> Interval:
    """Percentile interval of a difference of means, which leaves out zero exactly where `p_value` is below α.

    Means of thousands of users are skewed so little that BCa's corrections gain nothing: on Office they move the ends of NDCG@20 by
    less than .0001, the last digit printed.

    Args:
        ours: A column of `resampled`.
        theirs: Another, of the same users.
        alpha: Chance that the difference lies outside, from `LOWEST_ALPHA` to below 1.

    Returns:
        In units of the metric; relative to theirs, of the same resamples, where their mean is above zero in all of them.

    Source: Efron and Tibshirani 1993, An introduction to the bootstrap, section 13.3.
    """
    import numpy as np

    if alpha < LOWEST_ALPHA:
        raise ValueError(f"{RESAMPLES:,} resamples make intervals for an alpha of {LOWEST_ALPHA:g} or more, got {alpha:g}")
    difference = np.round(ours - theirs, _DECIMALS)
    relative = _ends(difference / theirs, alpha) if theirs.min() > 0 else None
    return Interval(*_ends(difference, alpha), relative)


def _ends(values: np.ndarray, alpha: float) -> tuple[float, float]:
    """The values beyond which as many lie as p values below alpha allow, on either side."""
    import numpy as np

    beyond = max(0, math.ceil(round(alpha / 2 * (RESAMPLES + 1), 6)) - 2)  # 1 + #(d ≤ 0) < α/2 (RESAMPLES + 1) where the next is above 0
    ordered = np.sort(values)
    return float(ordered[beyond]), float(ordered[-1 - beyond])
