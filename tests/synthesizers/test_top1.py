from __future__ import annotations

import torch

from sracl.contracts.synthesizer import SynthesizerContract
from sracl.data.samples import SequenceNeighbours
from sracl.interfaces import Synthesizer
from sracl.synthesizers.top1 import Top1


class TestTop1(SynthesizerContract):
    def make(self, neighbours: SequenceNeighbours, generator: torch.Generator) -> Synthesizer:
        return Top1()


def test_takes_the_first_that_exists() -> None:
    weights = Top1()(torch.tensor([0, 1, 2]), torch.tensor([[3, 4, 5], [-1, 4, 5], [-1, -1, -1]]))
    assert weights.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
