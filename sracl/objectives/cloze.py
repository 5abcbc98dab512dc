"""The term of filling in the gaps: what stands where an item is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import nn

from sracl.augmenters.positions import choose
from sracl.interfaces import Request
from sracl.objectives.ranking_loss import ranking_loss

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Batch, RankingLoss, Term


class Cloze(nn.Module):
    """Hides some items of each sequence behind MASK and predicts them from all the others, earlier and later.

        k_b = min(k_max, max(1, round(ρ n_b))),   S_b: k_b of the n_b positions, uniform, or now and then {n_b} alone
        L = 1 / Σ_b |S_b| · Σ_b Σ_{t ∈ S_b} l( f(x_b with MASK at S_b)_t, x_bt )

    Every hidden item counts the same, so that long sequences count more; the others are read and not judged. MASK always takes
    the place of a hidden item, which is never left standing nor replaced by another. Rows in which the last item alone is
    hidden are what a recommender is asked later. The batch's targets play no part: rows that end with the last item
    of the training part, as those of `window`, are the ones that teach to predict it.

    Args:
        generator: Source of the draws, on the device of the batch.
        mask_item: The id of MASK, V + 1.
        ratio: ρ, share of the items to hide, in (0, 1]. Halves are rounded to the even number, as Python does: 0.5 of 5 is 2.
        most: k_max, items to hide at most; none by default.
        last_share: Probability that of a row the last item alone is hidden, in [0, 1].
        loss: How the prediction of one item among all is judged; called once for all hidden items.

    Source: Sun et al. 2019, arXiv:1904.06690; counts and rows for the last item as in the official code. Differs from the code:
        items to hide are drawn at each step, not ten times beforehand, and a row is for its last item by chance (0.1), where
        ten copies of each have one such row beside them (1 in 11).
    """

    predicts = "mask"
    trains_bias = True
    compares_states = True

    def __init__(
        self,
        generator: torch.Generator,
        mask_item: int,
        *,
        ratio: Annotated[float, Field(gt=0, le=1)] = 0.6,
        most: Annotated[int, Field(ge=1)] | None = None,
        last_share: Annotated[float, Field(ge=0, le=1)] = 0.1,
        loss: RankingLoss,
    ) -> None:
        super().__init__()
        self.generator = generator
        self.mask_item = mask_item
        self.ratio = ratio
        self.most = most
        self.last_share = last_share
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for the batch with items hidden; the loss of its states where they were."""
        hidden = self.hide(batch.inputs, batch.lengths)
        request = Request("masked", batch.inputs.masked_fill(hidden, self.mask_item), batch.lengths, mask="bidirectional", want="all")
        encoded = yield [request]
        # found once: on a GPU the host waits to learn how many there are
        rows, columns = hidden.nonzero(as_tuple=True)
        return ranking_loss(self.loss, encoded, encoded["masked"][rows, columns], batch.inputs[rows, columns], lambda: request.items[rows])

    def hide(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Draw the slots to hide of left-padded ids, int64 [N, L]: bool [N, L], one or more a row and never padding."""
        # in double precision, in which it is Python's round(ratio * length), halves included
        count = (self.ratio * lengths.double()).round().long().clamp(min=1, max=self.most)
        anywhere = choose(items > 0, count, self.generator)
        last = torch.arange(items.shape[1], device=items.device) == items.shape[1] - 1
        last_alone = torch.rand(len(items), generator=self.generator, device=items.device) < self.last_share
        return torch.where(last_alone[:, None], last, anywhere)
