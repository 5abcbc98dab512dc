"""Wilcoxon's signed-rank test over users."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_DECIMALS = 12
"""Of a user's metric, in [0, 1], beyond which two means of the same figures may differ: equal differences have to tie."""


def signed_rank(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Two-sided p value of Wilcoxon's signed-rank test over the users whose figures differ.

        W = Σ over d > 0 of rank(|d|),  d = ours − theirs,  ties share the mean of their ranks

    It asks whether those who differ gain as they lose, by the ranks of their differences: not whether the mean differs, which is
    what tables print. Where gains are few and large, and losses many and small, the two answers differ.

    Users who do not differ are left out, as Wilcoxon did. Pratt ranks them too, as the smallest differences, before he leaves them
    out, which is right where a zero is a small difference that was rounded away. Here it is a target that is beyond the cut-off for
    both, of which the metric says nothing, and most users are such: all others would have high ranks that are nearly the same, which
    makes a sign test of it, and more so the more users there are whom neither row serves. Of HR the two are one and the same.

    Args:
        ours: A metric per user, [U].
        theirs: The same users in the same order, [U].

    Returns:
        In [0, 1]; 1 where no user differs, or there is but one. Exact for up to 50 users who differ, if no two of them by as much,
        else by the normal distribution, with the variance that ties leave.

    Source: Wilcoxon 1945, Individual comparisons by ranking methods, Biometrics Bulletin 1; Pratt 1959, Remarks on zeros and ties in the
    Wilcoxon signed rank procedures, Journal of the American Statistical Association 54.
    """
    import numpy as np
    from scipy import stats  # with numpy here, as in `significance`

    difference = np.round(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64), _DECIMALS)
    differing = difference[difference != 0]
    return 1.0 if len(difference) < 2 or not len(differing) else float(stats.wilcoxon(differing).pvalue)
