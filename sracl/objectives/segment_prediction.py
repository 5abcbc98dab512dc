"""A stretch of a sequence, told from what surrounds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from sracl.augmenters.positions import choose_start
from sracl.data.ranges import end_to_end
from sracl.interfaces import Request
from sracl.objectives.preference import Link, preference
from sracl.objectives.projection import Projection

if TYPE_CHECKING:
    from sracl.data.samples import SequenceTable
    from sracl.interfaces import Batch, Term


class SegmentPrediction(nn.Module):
    """Prefers the hidden segment of a sequence to a stretch of as many items from anywhere.

        L = 1/B Σ_i -log σ( f(q_i · g⁺_i) - f(q_i · g⁻_i) ),   q = W g + b

    Of a row of n items, a segment of 1 … ⌊n/2⌋ is hidden at any place, both drawn uniformly. g is the last state of the row
    without the segment, g⁺ that of the segment alone, all else being hidden, and g⁻ that of the drawn stretch in the same
    place; all three are read in both directions. A row of one item has no segment and adds 0.

    Args:
        mask_item: The id of MASK, V + 1.
        histories: All that trains of each user; stretches are drawn from these laid end to end, and may run from one user's
            last items into the next one's first.
        generator: Source of the draws, on the device of the batch.
        hidden_size: d, width of the backbone's states.
        link: f. The official code compares what is left of scores after a sigmoid; `identity` compares the scores.

    Source: S3-Rec (Zhou et al. 2020, arXiv:2008.07873), segment prediction. Differs from its official code, which draws stretches
        from items that validate and test, too.
    """

    compares_states = True

    def __init__(
        self,
        mask_item: int,
        histories: SequenceTable,
        generator: torch.Generator,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        link: Link = "sigmoid",
    ) -> None:
        super().__init__()
        self.mask_item = mask_item
        self.trained = histories.items[end_to_end(histories.starts, histories.stops)[1]]  # [N]
        self.generator = generator
        self.projection = Projection(hidden_size)
        self.link = link

    def term(self, batch: Batch) -> Term:
        """Ask for `context`, `positive` and `negative`; the loss of the first's preference for the second."""
        items, lengths = batch.inputs, batch.lengths
        inside, drawn = self._draw(items, lengths)
        hidden = torch.where(items > 0, self.mask_item, 0)  # a row of which nothing is shown
        made = {
            "context": torch.where(inside, hidden, items),
            "positive": torch.where(inside, items, hidden),
            "negative": torch.where(inside, drawn, hidden),
        }
        encoded = yield [Request(key, view, lengths, mask="bidirectional") for key, view in made.items()]
        asking = self.projection(encoded["context"])  # [B, d]
        positive, negative = ((asking * encoded[key]).sum(1) for key in ("positive", "negative"))
        costs = preference(positive, negative, link=self.link)  # [B]
        return (costs * (lengths > 1)).sum() / len(lengths)

    def _draw(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The slots of each row's segment, bool [B, L], and at these what stands there instead, int64 [B, L]."""
        count = 1 + choose_start((lengths // 2).clamp(min=1) - 1, self.generator)  # [B], 1 … ⌊n/2⌋
        start = items.shape[1] - lengths + choose_start(lengths - count, self.generator)  # first slot
        elsewhere = choose_start(len(self.trained) - count, self.generator)  # first of the stretch
        within = torch.arange(items.shape[1], device=items.device) - start[:, None]  # [B, L], from 0 in the segment
        inside = (within >= 0) & (within < count[:, None])
        return inside, self.trained[torch.where(inside, elsewhere[:, None] + within, 0)]
