"""The nearest item by what texts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import SequenceSpec


class Semantic:
    """Takes the first semantic neighbour of each item.

    Args:
        spec: Item count of the prepared data, and whether MASK, which nothing is like, may be asked for.
        item_neighbours: Neighbours of every item, int64 [V + 1, k], the nearest first; 0 where there is none, row 0 all 0.
    """

    def __init__(self, spec: SequenceSpec, item_neighbours: Tensor) -> None:
        self.nearest = F.pad(item_neighbours[:, 0], (0, spec.table_rows - len(item_neighbours)))  # [V + 1] or, with MASK, [V + 2]

    def __call__(self, items: Tensor) -> Tensor:
        """The nearest other item of each id, int64 of any shape; 0 where there is none."""
        return self.nearest[items]
