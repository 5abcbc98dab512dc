"""The recommendation term: what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from sracl.interfaces import BATCH, Request
from sracl.objectives.ranking_loss import ranking_loss

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Batch, RankingLoss, Term


class NextItem(nn.Module):
    """Predicts the item that follows each sequence of the batch, or each of its positions where the sampler says so.

    Of positions the mean is taken over all real ones of the batch, so that long histories count more.

    Args:
        loss: How the prediction of one item among all is judged.

    Source: SRA-CL, equations 1 to 3; at every position: Kang and McAuley 2018, arXiv:1808.09781, on the training of the network.
    """

    reads_targets = "each"
    predicts = "next"
    trains_bias = True
    compares_states = True

    def __init__(self, *, loss: RankingLoss) -> None:
        super().__init__()
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for the batch itself; the loss of its states against its targets."""
        if batch.targets.ndim == 1:
            encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
            return ranking_loss(self.loss, encoded, encoded[BATCH], batch.targets, lambda: batch.inputs)
        encoded = yield [Request(BATCH, batch.inputs, batch.lengths, want="all")]
        # found once: on a GPU the host waits to learn how many there are
        rows, columns = batch.targets.nonzero(as_tuple=True)

        def histories() -> Tensor:
            until = torch.arange(batch.inputs.shape[1], device=batch.inputs.device) <= columns[:, None]
            return batch.inputs[rows] * until

        return ranking_loss(self.loss, encoded, encoded[BATCH][rows, columns], batch.targets[rows, columns], histories)
