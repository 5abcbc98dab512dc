"""For every item the other one most like it, and how much: what similarities keep and compare."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Nearest:
    """One other item per id, with a score that those of another table can be compared with."""

    items: Tensor
    """int64 [R], R = V + 1 or, where a run has MASK, V + 2; 0 where there is none, as for padding and MASK."""
    scores: Tensor
    """float32 [R], in [0, 1]; -1 where there is none, so that any item is better."""

    @classmethod
    def none(cls, num_rows: int, device: torch.device | str = "cpu") -> Nearest:
        """A table in which nothing has a neighbour."""
        return cls(torch.zeros(num_rows, dtype=torch.int64, device=device), torch.full((num_rows,), -1.0, device=device))

    def or_nearer(self, other: Nearest) -> Nearest:
        """For each id the neighbour of the larger score: the other's only where it is strictly larger."""
        nearer = other.scores > self.scores
        return Nearest(torch.where(nearer, other.items, self.items), torch.where(nearer, other.scores, self.scores))


def rescaled(values: Tensor, least: Tensor, most: Tensor) -> Tensor:
    """Values between `least` and `most` moved to [0, 1]; to 0 where the two are equal, for then nothing tells them apart."""
    return (values - least) / (most - least).clamp(min=torch.finfo(values.dtype).tiny)
