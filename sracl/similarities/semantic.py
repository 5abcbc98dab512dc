"""The nearest item by what texts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Semantic:
    """Takes the first semantic neighbour of each item.

    Args:
        item_neighbours: Neighbours of every item, int64 [V + 1, k], the nearest first; 0 where there is none, row 0 all 0.
    """

    def __init__(self, item_neighbours: Tensor) -> None:
        self.nearest = item_neighbours[:, 0]  # [V + 1]

    def __call__(self, items: Tensor) -> Tensor:
        """The nearest other item of each id, int64 of any shape; 0 where there is none."""
        return self.nearest[items]
