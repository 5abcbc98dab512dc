"""The test over users that was chosen, between any two rows of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sracl.evaluation import bootstrap
from sracl.evaluation.signed_rank import signed_rank
from sracl.evaluation.significance import interval_over_users, over_users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sracl.compare.user_figures import Sample
    from sracl.evaluation.significance import Interval
    from sracl.evaluation.user_test import UserTest

Samples: TypeAlias = "Mapping[tuple[int, str], Sample]"
"""By the place of a row in its block, and a metric."""


class OverUsers:
    """One test, with what all its comparisons share.

    Args:
        test: Which.
        samples: Everything that will be compared.
        alpha: One minus the confidence of intervals.
    """

    def __init__(self, test: UserTest, samples: Samples, alpha: float) -> None:
        self._test = test
        self._samples = samples
        self._alpha = alpha
        self._means = _resampled(samples) if test == "bootstrap" else {}

    def compared(self, ours: tuple[int, str], theirs: tuple[int, str]) -> tuple[float, Interval | None]:
        """The p value of a difference, as if it were the only one, and where its mean lies; of the same users."""
        x, y = self._samples[ours].values, self._samples[theirs].values
        if len(x) < 2:
            return 1.0, None
        if self._test == "bootstrap":
            means = self._means[ours], self._means[theirs]
            return bootstrap.p_value(*means), bootstrap.interval(*means, alpha=self._alpha)
        p = signed_rank(x, y) if self._test == "wilcoxon" else over_users(x, y)
        return p, interval_over_users(x, y, alpha=self._alpha)


def _resampled(samples: Samples) -> dict[tuple[int, str], np.ndarray]:
    """Means of every resample; rows of the same users are measured on the same resamples."""
    alike: dict[bytes, list[tuple[int, str]]] = {}
    for key, sample in samples.items():
        alike.setdefault(sample.users.tobytes(), []).append(key)
    found: dict[tuple[int, str], np.ndarray] = {}
    for keys in alike.values():
        means = bootstrap.resampled(np.stack([samples[key].values for key in keys], axis=1))
        found |= dict(zip(keys, means.T, strict=True))
    return found
