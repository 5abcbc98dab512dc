"""A positive that is not learned: the nearest neighbour."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Top1:
    """Gives all weight to the nearest neighbour: the first one, neighbours being sorted by falling similarity."""

    def __call__(self, anchors: Tensor, neighbours: Tensor) -> Tensor:
        """Weights 0 and 1, float32 [B, k], for pool rows [B] and [B, k] (-1: none); all 0 in a row without neighbours."""
        exists = neighbours >= 0
        return (exists & (exists.cumsum(dim=1) == 1)).float()
