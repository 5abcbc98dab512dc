"""The loss of predicting items after histories: what objectives that rank all items share."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from sracl.interfaces import BiasedRankingLoss, Encoded, RankingLoss


def ranking_loss(loss: RankingLoss, encoded: Encoded, states: Tensor, targets: Tensor, histories: Callable[[], Tensor]) -> Tensor:
    """A ranking loss, with what the histories say by themselves where the recipe has a `history_bias`.

    Args:
        loss: How the prediction of one item among all is judged.
        encoded: What the engine handed back.
        states: float [N, d].
        targets: Ids, int64 [N].
        histories: Gives what is read of each row, int64 [N, L], without its target; called where there is such a bias alone.

    Returns:
        Scalar, in nats.

    Raises:
        ValueError: States and item vectors differ in width.
    """
    width = encoded.item_table.shape[-1]
    if states.shape[-1] != width:
        raise ValueError(f"states have {states.shape[-1]} numbers each and item vectors {width}; a score is their product")
    if not encoded.has_bias:  # a loss of somebody else's need not know of them
        return loss(states, encoded.item_table, targets)
    return cast("BiasedRankingLoss", loss)(states, encoded.item_table, targets, encoded.bias(histories()))
