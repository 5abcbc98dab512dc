"""The items that a model puts first, in the very order that `ranking` counts in, so that a target of rank r stands r-th."""

from __future__ import annotations

import torch
from torch import Tensor


def top_items(scores: Tensor, count: int, left_out: Tensor | None = None) -> Tensor:
    """The items with the highest scores; equal ones in the order of their ids (`ranking.TIE_RULE`).

    Args:
        scores: float32 [N, V], no NaN; not written to.
        count: k, items wanted of each row.
        left_out: Ids that are no candidates, int64 [N, S], 0 where there are fewer.

    Returns:
        Ids, int64 [N, min(k, V)], the best first; 0 where a row has fewer candidates.
    """
    if left_out is None:
        return _first(scores, min(count, scores.shape[1]))
    # However high they stand, so many more of all items hold k that are not among those left out.
    ids = _first(scores, min(count + left_out.shape[1], scores.shape[1]))
    flags = torch.zeros(len(scores), scores.shape[1] + 1, dtype=torch.bool, device=scores.device).scatter_(1, left_out, True)
    flags[:, 0] = False
    out = flags.gather(1, ids)
    order = out.int().argsort(dim=1, stable=True)[:, :count]
    return ids.gather(1, order).masked_fill(out.gather(1, order), 0)


def _first(scores: Tensor, count: int) -> Tensor:
    """Ids of the `count` highest scores of each row, int64 [N, count]."""
    values, places = scores.topk(count)
    # Of scores that are level with the last one topk takes any, and it puts equal ones in any order.
    torn = ((scores >= values[:, -1:]).sum(1) > count).nonzero()[:, 0]
    places, by_id = places.sort(1)
    places = places.gather(1, values.gather(1, by_id).argsort(dim=1, descending=True, stable=True))
    places[torn] = scores[torn].argsort(dim=1, descending=True, stable=True)[:, :count]
    return places + 1
