from __future__ import annotations

import torch

from sracl.contracts.synthesizer import SynthesizerContract
from sracl.data.samples import SequenceNeighbours
from sracl.interfaces import Synthesizer
from sracl.synthesizers.mean import Mean


class TestMean(SynthesizerContract):
    def make(self, neighbours: SequenceNeighbours, generator: torch.Generator) -> Synthesizer:
        return Mean()


def test_shares_among_the_existing() -> None:
    weights = Mean()(torch.tensor([0, 1, 2]), torch.tensor([[3, 4, 5, 6], [3, -1, 5, -1], [-1, -1, -1, -1]]))
    assert weights.tolist() == [[0.25] * 4, [0.5, 0, 0.5, 0], [0] * 4]
