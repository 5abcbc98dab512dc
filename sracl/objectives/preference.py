"""How much a score prefers what is true to what was drawn: what objectives with one negative share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor

Link: TypeAlias = Literal["sigmoid", "identity"]
"""What a score goes through before two are compared."""


def preference(positive: Tensor, negative: Tensor, *, link: Link) -> Tensor:
    """Pairwise logistic loss of scores.

        l = -log σ(f(s⁺) - f(s⁻)),   f = σ or the identity

    With `sigmoid` the loss stays between log(1 + e⁻¹) = 0.313262 and log(1 + e) = 1.313262 and its gradient fades where scores
    are large; with `identity` it is that of Bayesian personalised ranking.

    Args:
        positive: s⁺, float, any shape.
        negative: s⁻, of the same shape.
        link: f.

    Returns:
        l of every pair, of the same shape, in nats: log 2 where both scores are equal.
    """
    difference = positive - negative if link == "identity" else positive.sigmoid() - negative.sigmoid()
    return F.softplus(-difference)
