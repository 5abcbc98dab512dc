"""What a ranking among a few sampled items would have shown: its expectation, from the rank among all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np


def expected(ranks: np.ndarray, others: np.ndarray, cutoffs: Sequence[int], *, sampled: int) -> dict[str, np.ndarray]:
    """HR, NDCG and MRR of every user, in expectation over the m items that are drawn, uniformly and none twice.

    Of the N candidates besides the target r − 1 stand before it, so that the sampled ones that do are hypergeometric:

        P(r' = j + 1) = C(r − 1, j) C(N − r + 1, m − j) / C(N, m)

    and a metric is Σ over j < K of P(r' = j + 1) times its value at rank j + 1. Where m = N it is that of the full ranking.

    Args:
        ranks: r, of every user's target among all candidates, integer [U], from 1; above N + 1 where it is none of them.
        others: N, of every user, integer [U].
        cutoffs: K, each at least 1.
        sampled: m, from 1 to the least N.

    Returns:
        `hr@5`, `ndcg@5`, `mrr@5`, `hr@10`, … in the order of the cut-offs, float64 [U] in [0, 1]; 0 for targets that are no candidates.

    Raises:
        ValueError: There are not as many candidates as are to be drawn.

    Source: Krichene and Rendle 2020, On sampled metrics for item recommendation, KDD, section 4, where items are drawn with repeats.
    """
    import numpy as np  # here, as in `metrics`
    from scipy import special

    if not 1 <= sampled <= others.min():
        raise ValueError(f"from 1 to {others.min()} items can be drawn, got {sampled}")
    most = int(others.max())
    code, of_user = np.unique(np.minimum(ranks, most + 2).astype(np.int64) * (most + 1) + others, return_inverse=True)
    above, among = code[:, None] // (most + 1) - 1, code[:, None] % (most + 1)  # each pair of r − 1 and N once, [P, 1]
    factorials = special.gammaln(np.arange(most + 2) + 1.0)

    def choices(n: np.ndarray, k: np.ndarray) -> np.ndarray:
        """Logarithms of C(n, k), −∞ where there is no choice."""
        possible = (k >= 0) & (k <= n)
        n, k = np.where(possible, n, 0), np.where(possible, k, 0)
        counted: np.ndarray = np.where(possible, factorials[n] - factorials[k] - factorials[n - k], -np.inf)
        return counted

    ahead = np.arange(max(cutoffs))  # j
    log = choices(above, ahead) + choices(among - above, sampled - ahead) - choices(among, np.asarray(sampled))
    chances = np.exp(log)  # [P, K]; 0 beyond N + 1, where there is no choice
    gains = {"hr": np.ones(len(ahead)), "ndcg": 1 / np.log2(ahead + 2.0), "mrr": 1 / (ahead + 1.0)}
    return {f"{name}@{cutoff}": (chances[:, :cutoff] @ gain[:cutoff])[of_user] for cutoff in cutoffs for name, gain in gains.items()}
