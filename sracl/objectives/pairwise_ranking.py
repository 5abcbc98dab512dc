"""The next item against items drawn at random, each pair scored by the backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from sracl.interfaces import BATCH, Request
from sracl.objectives.negatives import draw_outside, refuse_full_rows

if TYPE_CHECKING:
    from sracl.interfaces import Batch, SequenceSpec, Term


class PairwiseRanking(nn.Module):
    """Places the next item above items that the sequence does not hold; for backbones whose scores depend on the candidate.

        l = -log Σ_j softmax_j(s⁻) σ(s⁺ - s_j⁻)

    With one negative it is -log σ(s⁺ - s⁻), Bayesian personalised ranking. Only the items drawn are scored, where a softmax over
    all would score every item for every row.

    Args:
        spec: Item count and longest sequence of the prepared data.
        generator: Source of the negatives, on the device of the batch.
        num_negatives: Items drawn for each row, uniform over those in neither input nor target.

    Raises:
        ValueError: A sequence and its target may hold all items.

    Source: the ranking loss of LRD (Yang et al. 2024, arXiv:2403.18348). Differs from its code, which draws no item of the user's
        whole history: that would tell training which items validate and test.
    """

    reads_targets = "one"
    predicts = "next"

    def __init__(self, spec: SequenceSpec, generator: torch.Generator, *, num_negatives: Annotated[int, Field(ge=1)] = 1) -> None:
        super().__init__()
        refuse_full_rows(spec.num_items, spec.max_length + 1)  # with the target
        self.num_items = spec.num_items
        self.generator = generator
        self.num_negatives = num_negatives

    def term(self, batch: Batch) -> Term:
        """Ask for the batch itself; the mean over its rows, in nats; log 2 for a fresh model."""
        encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
        held = torch.cat([batch.inputs, batch.targets[:, None]], 1)
        negatives = draw_outside(held, self.num_items, self.num_negatives, self.generator)
        scores = encoded.score(BATCH, torch.cat([batch.targets[:, None], negatives], 1), batch.users).float()
        own, others = scores[:, :1], scores[:, 1:]
        return -(F.log_softmax(others, 1) + F.logsigmoid(own - others)).logsumexp(1).mean()
