"""The learnable positive of SRA-CL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.data.samples import SequenceNeighbours


class Attention(nn.Module):
    """Weighs neighbours by additive attention between the semantic vectors of a sequence and of its neighbours.

        o_uv = LeakyReLU( a · [W e_u ; W e_v] ),   ω_uv = exp(o_uv) / Σ_v' exp(o_uv')

    The sum runs over the existing neighbours. While training, each weight is dropped with probability `dropout` and
    the others are divided by 1 - dropout; they are not renormalised, so a row may lose all its neighbours.
    With a = [a_1; a_2] the score splits into (Wᵀa_1) · e_u + (Wᵀa_2) · e_v, which is what is computed: two vectors of
    the text's width instead of a projection of every neighbour.
    LeakyReLU being monotone, all sequences order the same candidates alike: `a_1` only chooses between the two slopes.

    Args:
        sequence_neighbours: Its `vectors` e, float [P, e], one per row of the pool. They are constants: they get no
            gradient and are not part of the state that is saved.
        generator: Source of the dropout, on the device of the vectors.
        hidden_size: Rows of W, the width in which vectors are compared.
        dropout: Probability of dropping a weight, in [0, 1).
        negative_slope: Slope of the LeakyReLU below 0.

    Source: SRA-CL, equations 7 and 8. Differs from the paper, which mentions neither the dropout nor the initial
        values (Xavier uniform, gain 1.414): both are those of the official code.
    """

    def __init__(
        self,
        sequence_neighbours: SequenceNeighbours,
        generator: torch.Generator,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        negative_slope: Annotated[float, Field(ge=0)] = 0.2,
    ) -> None:
        super().__init__()
        # No buffer: as wide as the texts and as long as the pool, it must neither be saved nor be needed for serving.
        self.vectors = sequence_neighbours.vectors.detach()
        self.generator = generator
        self.dropout = dropout
        self.negative_slope = negative_slope
        # Drawn on the CPU, so that every device starts from the same values.
        projection = nn.init.xavier_uniform_(torch.empty(hidden_size, self.vectors.shape[1]), gain=1.414)
        attention = nn.init.xavier_uniform_(torch.empty(2 * hidden_size, 1), gain=1.414)
        self.projection = nn.Parameter(projection.to(self.vectors.device))  # W
        self.attention = nn.Parameter(attention.to(self.vectors.device))  # a

    def forward(self, anchors: Tensor, neighbours: Tensor) -> Tensor:
        """Weights of the neighbours, float [B, k], from pool rows int64 [B] and [B, k] (-1: none, weight 0).

        They sum to 1 per row outside training, and to 1 on average within; 0 in a row without neighbours.
        """
        exists = neighbours >= 0
        by_anchor, by_neighbour = self.attention.view(2, -1) @ self.projection  # [e] each
        query = self.vectors[anchors] @ by_anchor  # [B]
        key = self.vectors[neighbours.clamp(min=0)] @ by_neighbour  # [B, k]
        scores = F.leaky_relu(query[:, None] + key, self.negative_slope)
        # The lowest finite number and not -inf, whose softmax over a row without neighbours would be NaN.
        weights = scores.masked_fill(~exists, torch.finfo(scores.dtype).min).softmax(dim=1) * exists
        if not self.training or self.dropout == 0:
            return weights
        kept = torch.rand(weights.shape, generator=self.generator, device=weights.device) >= self.dropout
        return weights * kept / (1 - self.dropout)
