"""A positive that is not learned: one neighbour by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


class Random:
    """Gives all weight to one neighbour, chosen uniformly among the existing ones and anew at each call.

    Args:
        generator: Source of the draws, on the device of the neighbours.

    Source: SRA-CL, the variant "Unlearnable" of Table 3.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def __call__(self, anchors: Tensor, neighbours: Tensor) -> Tensor:
        """Weights 0 and 1, float32 [B, k], for pool rows [B] and [B, k] (-1: none); all 0 in a row without neighbours."""
        exists = neighbours >= 0
        draw = torch.rand(neighbours.shape, generator=self.generator, device=neighbours.device)
        winner = draw.masked_fill(~exists, -1.0).argmax(dim=1, keepdim=True)  # [B, 1]
        return torch.zeros_like(draw).scatter(1, winner, 1.0) * exists
