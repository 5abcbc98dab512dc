"""Whether a user chooses again what they have chosen before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sracl.interfaces import Bias

if TYPE_CHECKING:
    from sracl.interfaces import SequenceSpec


class Repeat(nn.Module):
    """Adds one learned number to the score of every item that stands in the history.

        score(j) = h · E_j + β [ j ∈ {x_1 … x_n} ],   β = 10 w,   w = 0 before training

    A dot product of some dozens of dimensions cannot tell a history from what is like it: where nobody chooses an item twice,
    the items of the history stand at the top of every list all the same, and hold the places of those that could be chosen.
    β falls there, and rises where items are chosen again. It is learned from training samples, with all other weights; ten times
    as fast, since Adam moves each by its learning rate, and scores differ by several nats.

    Args:
        spec: Item count of the prepared data.
    """

    SPEED = 10.0
    """β over the weight w that is trained."""

    def __init__(self, spec: SequenceSpec) -> None:
        super().__init__()
        self.num_items = spec.num_items
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, items: Tensor) -> Bias:
        """The items of each history, int64 [N, L], each once, with β; MASK is none."""
        ordered = items.masked_fill(items > self.num_items, 0).sort(dim=1).values
        again = torch.nn.functional.pad(ordered[:, 1:] == ordered[:, :-1], (1, 0))
        distinct = ordered.masked_fill(again, 0)
        return Bias(distinct, (distinct > 0) * (self.SPEED * self.weight))
