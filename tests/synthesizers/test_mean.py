from __future__ import annotations

import pytest
import torch

from sracl.synthesizers.mean import Mean
from tests.contracts.synthesizer import Make, SynthesizerContract


class TestMean(SynthesizerContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda neighbours, generator: Mean()


def test_shares_among_the_existing() -> None:
    weights = Mean()(torch.tensor([0, 1, 2]), torch.tensor([[3, 4, 5, 6], [3, -1, 5, -1], [-1, -1, -1, -1]]))
    assert weights.tolist() == [[0.25] * 4, [0.5, 0, 0.5, 0], [0] * 4]
