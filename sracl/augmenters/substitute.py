"""Views in which some items give way to the item most like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from sracl.augmenters.positions import choose, floor_share

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import ItemSimilarity


class Substitute:
    """Replaces max(1, ⌊ρ n⌋) items of each sequence, chosen uniformly, by the nearest item of each.

    Order and length stay. Items without a neighbour are passed over; where all others have been replaced, fewer are.

    Args:
        generator: Source of the draws, on the device of the items.
        similarity: Knows the nearest item of each.
        ratio: ρ, share of the items to replace, in (0, 1].

    Source: CoSeRec (Liu et al. 2021, arXiv:2108.06479), item substitute.
    """

    def __init__(self, generator: torch.Generator, *, similarity: ItemSimilarity, ratio: Annotated[float, Field(gt=0, le=1)] = 0.1) -> None:
        self.generator = generator
        self.similarity = similarity
        self.ratio = ratio

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L]; the lengths [N] come back as they are."""
        nearest = self.similarity(items)  # [N, L]; 0 at padding
        replaced = choose(nearest > 0, floor_share(lengths, self.ratio).clamp(min=1), self.generator)
        return torch.where(replaced, nearest, items), lengths
