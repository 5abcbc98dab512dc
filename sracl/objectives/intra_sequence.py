"""Contrast between two views of one sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from sracl.interfaces import Request

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, Batch, ContrastiveLoss, Term


class IntraSequence(nn.Module):
    """Draws two views of each sequence and pulls them together, away from the views of the other sequences.

    Args:
        augmenter: Makes a view; called twice a step.
        loss: Contrast of the first view (anchor) with the second (positive).

    Source: SRA-CL, equation 14.
    """

    compares_states = True

    def __init__(self, *, augmenter: Augmenter, loss: ContrastiveLoss) -> None:
        super().__init__()
        self.augmenter = augmenter
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for `view_a` and `view_b`; the loss between their last states."""
        first, second = (self.augmenter(batch.inputs, batch.lengths) for _ in range(2))
        encoded = yield [Request("view_a", *first), Request("view_b", *second)]
        return self.loss(encoded["view_a"], encoded["view_b"])
