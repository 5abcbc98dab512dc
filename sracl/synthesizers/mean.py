"""A positive that is not learned: the mean of all neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Mean:
    """Gives every existing neighbour the same weight."""

    def __call__(self, anchors: Tensor, neighbours: Tensor) -> Tensor:
        """Weights 1 / (existing neighbours), float32 [B, k], for pool rows [B] and [B, k] (-1: none, weight 0)."""
        exists = (neighbours >= 0).float()
        return exists / exists.sum(dim=1, keepdim=True).clamp(min=1)
