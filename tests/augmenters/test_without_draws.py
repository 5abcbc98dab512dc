from __future__ import annotations

import torch
from torch import Tensor

from sracl.contracts.augmenter import AugmenterContract
from sracl.interfaces import Augmenter


def latest_half(items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """What a plug-in may do without a generator: keep the latest half."""
    kept = (lengths + 1) // 2
    return items * (torch.arange(items.shape[1]) >= items.shape[1] - kept[:, None]), kept


class TestAnAugmenterThatDrawsNothing(AugmenterContract):
    has_draws = False

    def make(self, generator: torch.Generator) -> Augmenter:
        return latest_half
