"""Views in which a stretch of the sequence is shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from sracl.augmenters.positions import choose_start, floor_share

if TYPE_CHECKING:
    from torch import Tensor


class Reorder:
    """Shuffles m consecutive items of each sequence; all others stay where they are.

        m = ⌊β n⌋,   items a .. a + m - 1 in uniformly random order,   a uniform over 0 .. n - m

    The order drawn may be the old one, and a stretch of one item always stays as it is: so does every sequence of
    n < 2 / β items.

    Args:
        generator: Source of the draws, on the device of the items.
        ratio: β, share of the items to shuffle, in (0, 1].

    Source: CL4SRec (Xie et al. 2022, arXiv:2010.14395), item reorder.
    """

    def __init__(self, generator: torch.Generator, *, ratio: Annotated[float, Field(gt=0, le=1)] = 0.6) -> None:
        self.generator = generator
        self.ratio = ratio

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L]; the lengths [N] come back as they are."""
        shuffled = floor_share(lengths, self.ratio)[:, None]  # [N, 1]
        width = items.shape[1]
        first = width - lengths[:, None] + choose_start(lengths[:, None] - shuffled, self.generator)  # [N, 1]
        slots = torch.arange(width, device=items.device)
        within = (slots >= first) & (slots < first + shuffled)  # [N, L]
        draw = torch.rand(items.shape, generator=self.generator, device=items.device)
        # Slots outside keep their number; those within draw one in between, so that sorting moves nothing across the ends.
        order = torch.where(within, first + shuffled * draw, slots).argsort(dim=1, stable=True)
        return items.gather(1, order), lengths
