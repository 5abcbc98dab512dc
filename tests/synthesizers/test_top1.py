from __future__ import annotations

import pytest
import torch

from sracl.synthesizers.top1 import Top1
from tests.contracts.synthesizer import Make, SynthesizerContract


class TestTop1(SynthesizerContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda neighbours, generator: Top1()


def test_takes_the_first_that_exists() -> None:
    weights = Top1()(torch.tensor([0, 1, 2]), torch.tensor([[3, 4, 5], [-1, 4, 5], [-1, -1, -1]]))
    assert weights.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
