"""Views in which some items are preceded by the item most like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from sracl.augmenters.positions import choose, floor_share

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import ItemSimilarity


class Insert:
    """Puts the nearest item right before each of max(1, ⌊ρ n⌋) items, chosen uniformly.

    A view that outgrows the width L of its input loses its oldest items. Items without a neighbour are passed over; where
    all others have been chosen, fewer are.

    Args:
        generator: Source of the draws, on the device of the items.
        similarity: Knows the nearest item of each.
        ratio: ρ, share of the items to put another before, in (0, 1].

    Source: CoSeRec (Liu et al. 2021, arXiv:2108.06479), item insert.
    """

    def __init__(self, generator: torch.Generator, *, similarity: ItemSimilarity, ratio: Annotated[float, Field(gt=0, le=1)] = 0.4) -> None:
        self.generator = generator
        self.similarity = similarity
        self.ratio = ratio

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L], with its length, int64 [N]."""
        width = items.shape[1]
        nearest = self.similarity(items)  # [N, L]; 0 at padding
        chosen = choose(nearest > 0, floor_share(lengths, self.ratio).clamp(min=1), self.generator)
        pairs = torch.stack([nearest * chosen, items], dim=2).flatten(1)  # [N, 2L], with gaps of 0
        gaps_first = (pairs > 0).to(torch.uint8).argsort(dim=1, stable=True)
        return pairs.gather(1, gaps_first)[:, width:], (lengths + chosen.sum(1)).clamp(max=width)
