"""What all lists together show of the catalogue, whether or not the targets stand in them; `definitions` has the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Shown:
    """Counts how often each item stands in lists.

    Args:
        num_items: V.
        cutoffs: K, each at least 1.
        device: Where the lists are.
    """

    def __init__(self, num_items: int, cutoffs: Sequence[int], device: torch.device | str = "cpu") -> None:
        self.cutoffs = tuple(cutoffs)
        self.longest = max(cutoffs)
        """Items that are wanted of each list."""
        self._counts = torch.zeros(len(self.cutoffs), num_items + 1, dtype=torch.int64, device=device)

    def add(self, lists: Tensor) -> None:
        """Count some lists: ids, int64 [N, <= longest], the best first, 0 where there are fewer."""
        for counts, cutoff in zip(self._counts, self.cutoffs, strict=True):
            counts += torch.bincount(lists[:, :cutoff].flatten(), minlength=len(counts))

    def metrics(self, interactions: np.ndarray) -> dict[str, float]:
        """Coverage and novelty at each cut-off.

        Args:
            interactions: n, training interactions of items 1..V, integer [V].

        Returns:
            `coverage@5`, `novelty@5`, … in the order of the cut-offs. Two items, of which one has all three interactions and
            stands alone in every list, give a coverage of 1/2 and a novelty of log2 (5 / 4) = 0.321928.
        """
        told = np.log2((interactions + 1).sum()) - np.log2(interactions + 1)
        values: dict[str, float] = {}
        for counts, cutoff in zip(self._counts[:, 1:].cpu().numpy(), self.cutoffs, strict=True):
            values[f"coverage@{cutoff}"] = float((counts > 0).mean())
            values[f"novelty@{cutoff}"] = float((counts * told).sum() / max(1, counts.sum()))
        return values
