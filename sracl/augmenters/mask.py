"""Views in which some items are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sracl.augmenters.positions import choose, floor_share

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Mask:
    """Puts MASK in the place of ⌊γ n⌋ items of each sequence, chosen uniformly.

    MASK has a vector of its own and is attended to like an item. Padding would be invisible instead, and a sequence that
    ends in padding has no latest item to read a state from.

    Args:
        mask_item: The id of MASK, V + 1.
        generator: Source of the draws, on the device of the items.
        ratio: γ, share of the items to hide, in (0, 1]; one that comes to less than one item hides none.

    Source: CL4SRec (Xie et al. 2022, arXiv:2010.14395), item mask.
    """

    def __init__(self, mask_item: int, generator: torch.Generator, *, ratio: Annotated[float, Field(gt=0, le=1)] = 0.3) -> None:
        self.mask_item = mask_item
        self.generator = generator
        self.ratio = ratio

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L]; the lengths [N] come back as they are."""
        hidden = choose(items > 0, floor_share(lengths, self.ratio), self.generator)
        return items.masked_fill(hidden, self.mask_item), lengths
