"""Views in which some items give way to semantic neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field

from sracl.data.draws import below

if TYPE_CHECKING:
    from torch import Tensor


class SemanticSubstitute:
    """Replaces some items of each sequence by one of their semantic neighbours, chosen uniformly.

    Order and length stay; padding and items without a neighbour stay as they are.

    Args:
        item_neighbours: Neighbours of every item, int64 [V + 1, k]; 0 where there is none, row 0 all 0.
        generator: Source of the draws, on the device of the items.
        ratio: Share of the items to replace, in (0, 1].
        count: `bernoulli` decides for each item on its own, so a sequence of n items stays unchanged with probability
            (1 - ratio)^n; `exact` replaces max(1, round(ratio · n)) of them, or all that have a neighbour if fewer.

    Source: SRA-CL, section on intra-sequence contrast. Differs from the paper, which replaces a fixed 20 % of the
        items: the default is the independent choice of the official code, since a share rounded down would leave
        every sequence of fewer than five items, most of the data, as it is.
    """

    def __init__(
        self,
        item_neighbours: Tensor,
        generator: torch.Generator,
        *,
        ratio: Annotated[float, Field(gt=0, le=1)] = 0.2,
        count: Literal["bernoulli", "exact"] = "bernoulli",
    ) -> None:
        exists = item_neighbours > 0
        # Neighbours first, so that one number below an item's count picks one, wherever the gaps were.
        first = (~exists).to(torch.uint8).argsort(dim=1, stable=True)
        self.neighbours = item_neighbours.gather(1, first)  # [V + 1, k]
        self.num_neighbours = exists.sum(1)  # [V + 1]
        self.generator = generator
        self.ratio = ratio
        self.count = count

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L]; the lengths [N] come back as they are."""
        available = self.num_neighbours[items]  # [N, L]
        replaceable = (items > 0) & (available > 0)
        chosen = self._choose(replaceable, lengths)
        column = below(available.clamp(min=1), self.generator)
        return torch.where(chosen, self.neighbours[items, column], items), lengths

    def _choose(self, replaceable: Tensor, lengths: Tensor) -> Tensor:
        """The positions to replace, bool [N, L]."""
        draw = torch.rand(replaceable.shape, generator=self.generator, device=replaceable.device)
        if self.count == "bernoulli":
            return replaceable & (draw < self.ratio)
        wanted = (self.ratio * lengths.double()).round().clamp(min=1)  # [N]
        order = draw.masked_fill(~replaceable, 2.0).argsort(dim=1)
        rank = order.argsort(dim=1)  # of each position among the draws of its row
        return replaceable & (rank < wanted[:, None])
