"""The loss of predicting items after histories: what objectives that rank all items share."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import BiasedRankingLoss, Encoded, RankingLoss


def ranking_loss(loss: RankingLoss, encoded: Encoded, states: Tensor, targets: Tensor, histories: Tensor) -> Tensor:
    """A ranking loss, with what the histories say by themselves where the recipe has a `history_bias`.

    Args:
        loss: How the prediction of one item among all is judged.
        encoded: What the engine handed back.
        states: float [N, d].
        targets: Ids, int64 [N].
        histories: What is read of each row, int64 [N, L], without its target.

    Returns:
        Scalar, in nats.
    """
    bias = encoded.bias(histories)
    if bias is None:  # a loss of somebody else's need not know of them
        return loss(states, encoded.item_table, targets)
    return cast("BiasedRankingLoss", loss)(states, encoded.item_table, targets, bias)
