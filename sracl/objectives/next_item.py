"""The recommendation term: what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from sracl.interfaces import BATCH, Request

if TYPE_CHECKING:
    from sracl.interfaces import Batch, RankingLoss, Term


class NextItem(nn.Module):
    """Predicts the item that follows each sequence of the batch.

    Args:
        loss: How the prediction of one item among all is judged.

    Source: SRA-CL, equations 1 to 3.
    """

    def __init__(self, *, loss: RankingLoss) -> None:
        super().__init__()
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for the batch itself; the loss of its last states against its targets."""
        encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
        return self.loss(encoded[BATCH], encoded.item_table, batch.targets)
