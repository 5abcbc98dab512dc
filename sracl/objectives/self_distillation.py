"""Distillation between users: what a sequence becomes is drawn towards what those of similar users have become."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import nn

from sracl.interfaces import BATCH, Request

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.data.samples import SequenceNeighbours
    from sracl.interfaces import Batch, Term


class SelfDistillation(nn.Module):
    """Draws each sequence towards the mean of its neighbours, which teach and do not learn.

        L = mean_u (1 / d) ‖ h_u - sg( (1 / |N_u|) Σ_{v ∈ N_u} h_v ) ‖²

    h_u is the state that predicts the next item; teachers are encoded by the same weights, dropout included, without
    gradient. A row without neighbours has no teacher: the mean is over the others.

    Args:
        sequence_neighbours: Neighbours of every training sample, and the pool they are rows of.
        num_neighbours: The nearest so many teach; at most the k of [semantics.sequences].

    Raises:
        ValueError: There are fewer neighbours than that.

    Source: Liu et al. 2024, LLM-ESR, arXiv:2405.20646, its retrieval augmented self-distillation.
    """

    compares_states = True

    def __init__(self, sequence_neighbours: SequenceNeighbours, *, num_neighbours: Annotated[int, Field(ge=1)] = 10) -> None:
        super().__init__()
        found = sequence_neighbours.ids.shape[1]
        if num_neighbours > found:
            raise ValueError(
                f"num_neighbours = {num_neighbours} teachers are wanted, but [semantics.sequences] finds k = {found} neighbours"
            )
        self.ids = sequence_neighbours.ids[:, :num_neighbours]  # [S, N]; no buffer: not needed to use the weights
        self.pool = sequence_neighbours.pool

    def term(self, batch: Batch) -> Term:
        """Ask for the batch and, as `teachers`, for its neighbours; the mean squared error between h and their mean."""
        ids = self.ids[batch.samples]  # [B, N]
        exists = ids >= 0
        rows, place = _distinct(ids.clamp(min=0))
        encoded = yield [
            Request(BATCH, batch.inputs, batch.lengths),
            Request("teachers", *self.pool.gather(rows), grad=False),
        ]
        states = encoded["teachers"][place]  # [B, N, d]
        weights = exists / exists.sum(1, keepdim=True).clamp(min=1)  # [B, N]
        target = (weights.to(states.dtype)[:, None] @ states).squeeze(1)  # [B, d]
        errors = (encoded[BATCH] - target).square().mean(1)
        taught = exists.any(1)
        return (errors * taught).sum() / taught.sum().clamp(min=1)


def _distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """On a CPU, rows of the pool once each, int64 [M], and where each of the [B, N] stands among them.

    A sequence that teaches several rows then shows them one draw of dropout; the expected gradient is the same, since no
    row's error depends on another's. Elsewhere all of them, as the host would have to wait for their number.
    """
    if rows.device.type == "cpu":
        distinct, place = torch.unique(rows, return_inverse=True)
        return distinct, place
    return rows.flatten(), torch.arange(rows.numel(), device=rows.device).view(rows.shape)
