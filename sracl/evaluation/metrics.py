"""Ranking metrics from the rank of each user's one target.

With a single relevant item per user every metric is a function of its rank alone; `definitions` has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def per_user(ranks: np.ndarray, cutoffs: Sequence[int], *, num_items: int | None = None) -> dict[str, np.ndarray]:
    """HR, NDCG and MRR of every user at each cut-off.

    Args:
        ranks: Rank of every user's target, integer [U], counted from 1.
        cutoffs: K, each at least 1.
        num_items: V. A rank above it means that the target was not recommended at all, and counts for nothing even
            where K exceeds V; without it, only K decides.

    Returns:
        `hr@5`, `ndcg@5`, `mrr@5`, `hr@10`, … in the order of the cut-offs: HR bool [U], the others float64 [U] in [0, 1].
        One user at rank 1, 2, 10 or 20 has an NDCG of 1, 0.630930, 0.289065 or 0.227670.

    Raises:
        ValueError: No ranks, ranks that are not integers from 1, or a cut-off below 1.
    """
    if ranks.size == 0:
        raise ValueError("metrics need at least one rank")
    if not np.issubdtype(ranks.dtype, np.integer) or ranks.min() < 1:
        raise ValueError(f"ranks are integers from 1, got {ranks.dtype} with minimum {ranks.min()}")
    if any(cutoff < 1 for cutoff in cutoffs):
        raise ValueError(f"cut-offs are at least 1, got {list(cutoffs)}")
    recommended = np.ones(ranks.shape, bool) if num_items is None else ranks <= num_items
    gain = 1.0 / np.log2(ranks + 1.0)
    reciprocal = 1.0 / ranks
    values: dict[str, np.ndarray] = {}
    for cutoff in cutoffs:
        hit = recommended & (ranks <= cutoff)
        values[f"hr@{cutoff}"] = hit
        values[f"ndcg@{cutoff}"] = np.where(hit, gain, 0.0)
        values[f"mrr@{cutoff}"] = np.where(hit, reciprocal, 0.0)
    return values


def metrics(ranks: np.ndarray, cutoffs: Sequence[int], *, num_items: int | None = None) -> dict[str, float]:
    """HR, NDCG and MRR at each cut-off, as unrounded means over users; Args and Raises as of `per_user`.

    Returns:
        `hr@5`, `ndcg@5`, `mrr@5`, `hr@10`, … in the order of the cut-offs, each in [0, 1].
    """
    return {name: float(values.mean()) for name, values in per_user(ranks, cutoffs, num_items=num_items).items()}
