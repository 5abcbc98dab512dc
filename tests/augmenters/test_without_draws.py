from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.contracts.augmenter import AugmenterContract, Make


def latest_half(items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """What a plug-in may do without a generator: keep the latest half."""
    kept = (lengths + 1) // 2
    return items * (torch.arange(items.shape[1]) >= items.shape[1] - kept[:, None]), kept


class TestAnAugmenterThatDrawsNothing(AugmenterContract):
    has_draws = False

    @pytest.fixture
    def make(self) -> Make:
        return lambda generator: latest_half
