"""Views that are one stretch of the sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from sracl.augmenters.positions import choose_start, floor_share

if TYPE_CHECKING:
    from torch import Tensor


class Crop:
    """Keeps m consecutive items of each sequence and drops the others.

        m = max(1, ⌊η n⌋),   items a .. a + m - 1,   a uniform over 0 .. n - m

    Args:
        generator: Source of the draws, on the device of the items.
        keep: η, share of the items that is kept, in (0, 1].

    Source: CL4SRec (Xie et al. 2022, arXiv:2010.14395), item crop. The latest item is kept as often as any stretch that
        holds it is drawn; the code of CoSeRec never keeps it.
    """

    def __init__(self, generator: torch.Generator, *, keep: Annotated[float, Field(gt=0, le=1)] = 0.6) -> None:
        self.generator = generator
        self.keep = keep

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L], with its length, int64 [N]."""
        kept = floor_share(lengths, self.keep).clamp(min=1)  # [N]
        dropped = lengths - kept
        start = choose_start(dropped, self.generator)
        width = items.shape[1]
        slots = torch.arange(width, device=items.device)
        source = slots - (dropped - start)[:, None]  # [N, L]; the stretch moves to the right by what is dropped behind it
        view = items.gather(1, source.clamp(min=0)).masked_fill(slots < width - kept[:, None], 0)
        return view, kept
