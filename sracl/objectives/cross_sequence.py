"""Contrast between a sequence and what its semantic neighbours make up together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from sracl.interfaces import BATCH, Request
from sracl.objectives.places import weighted

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.data.samples import SequenceNeighbours
    from sracl.interfaces import Batch, ContrastiveLoss, Synthesizer, Term


class CrossSequence(nn.Module):
    """Pulls each sequence towards a weighted sum of its encoded neighbours, away from those of the other sequences.

        h_u⁺ = Σ_{v ∈ N_u} ω_uv h_v

    The weights are known before anything is encoded, so on a CPU neighbours of weight 0 never are. A row none of whose
    neighbours is kept has h⁺ = 0 and stays in the loss.

    Args:
        sequence_neighbours: Neighbours of every training sample, and the pool they are rows of.
        synthesizer: Gives the weights ω.
        loss: Contrast of h (anchor) with h⁺ (positive).
        share_anchor: Take h from the pass of the batch that predicts the next item, instead of a pass of its own with
            dropout of its own.
        detach_neighbours: Let no gradient through the neighbours: h and the synthesizer learn, h_v do not.

    Source: SRA-CL, equations 9 and 10. The anchor's own pass and the gradient through neighbours are those of the
        official code.
    """

    compares_states = True

    def __init__(
        self,
        sequence_neighbours: SequenceNeighbours,
        *,
        synthesizer: Synthesizer,
        loss: ContrastiveLoss,
        share_anchor: bool = False,
        detach_neighbours: bool = False,
    ) -> None:
        super().__init__()
        self.neighbours = sequence_neighbours
        self.synthesizer = synthesizer
        self.loss = loss
        self.share_anchor = share_anchor
        self.detach_neighbours = detach_neighbours

    def term(self, batch: Batch) -> Term:
        """Ask for the anchors and, as `neighbours`, for the kept ones; the loss between h and h⁺."""
        ids = self.neighbours.ids[batch.samples]  # [B, k]
        weights = self.synthesizer(self.neighbours.rows[batch.samples], ids) * (ids >= 0)  # [B, k]
        kept = weighted(weights)  # [M], places in [B · k]
        anchor = Request(BATCH if self.share_anchor else "anchor", batch.inputs, batch.lengths)
        requests = [anchor]
        if len(kept):
            items, lengths = self.neighbours.pool.gather(ids.flatten()[kept].clamp(min=0))
            requests.append(Request("neighbours", items, lengths, grad=not self.detach_neighbours))
        encoded = yield requests
        states = encoded["neighbours"] if len(kept) else encoded[anchor.key][:0]  # [M, d]
        return self.loss(encoded[anchor.key], _weighted_sum(weights, states, kept))


def _weighted_sum(weights: Tensor, states: Tensor, kept: Tensor) -> Tensor:
    """Σ_v ω_uv h_v, float [B, d], from weights [B, k] and the states [M, d] of the places `kept` in [B · k].

    States go back to their places and are summed by a batched product: every place is written once, so that the
    order of additions, and with it the last bit, does not depend on the device's scheduling as a scattered sum would.
    """
    placed = states.new_zeros(weights.numel(), states.shape[1]).index_copy(0, kept, states)
    placed = placed.view(*weights.shape, -1).to(weights.dtype)  # [B, k, d]
    return (weights[:, None, :] @ placed).squeeze(1)
