"""A sequence some of whose items are hidden, and the sequence itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from sracl.interfaces import Request

if TYPE_CHECKING:
    from sracl.interfaces import Batch


class Masked:
    """Puts MASK in the place of each item with probability p on its own, and always in that of the latest.

    Both views are read in both directions. Declared under [[view]], the first is what several objectives that ask for hidden
    items share: drawn once a step, encoded once. The second costs nothing unless somebody asks for it.

    Args:
        mask_item: The id of MASK, V + 1.
        generator: Source of the draws, on the device of the batch.
        ratio: p, probability of hiding an item that is not the latest, in [0, 1]. The latest always being hidden, no sequence
            is shown whole, and the state that stands for it learns to do without its item.

    Source: the pre-training of S3-Rec (Zhou et al. 2020, arXiv:2008.07873); that the latest item is always hidden is the rule
        of its official code.
    """

    def __init__(self, mask_item: int, generator: torch.Generator, *, ratio: Annotated[float, Field(ge=0, le=1)] = 0.2) -> None:
        self.mask_item = mask_item
        self.generator = generator
        self.ratio = ratio

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        """The batch with items hidden as `first`, the batch as it is as `second`."""
        items = batch.inputs
        hidden = torch.rand(items.shape, generator=self.generator, device=items.device) < self.ratio
        hidden[:, -1] = True
        masked = items.masked_fill(hidden & (items > 0), self.mask_item)
        return (
            Request("first", masked, batch.lengths, mask="bidirectional"),
            Request("second", items, batch.lengths, mask="bidirectional"),
        )
