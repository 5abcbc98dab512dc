from __future__ import annotations

import torch

from sracl.contracts.synthesizer import SynthesizerContract
from sracl.data.samples import SequenceNeighbours
from sracl.interfaces import Synthesizer
from sracl.synthesizers.random import Random


class TestRandom(SynthesizerContract):
    def make(self, neighbours: SequenceNeighbours, generator: torch.Generator) -> Synthesizer:
        return Random(generator)


def test_chooses_one_existing_neighbour_uniformly() -> None:
    neighbours = torch.tensor([4, -1, 7, 2]).repeat(30_000, 1)
    weights = Random(torch.Generator().manual_seed(0))(torch.zeros(30_000, dtype=torch.int64), neighbours)
    assert bool((weights.sum(1) == 1).all())
    # Each share has standard deviation sqrt(1/3 · 2/3 / 30000) = .0027; four of them.
    torch.testing.assert_close(weights.mean(0), torch.tensor([1 / 3, 0, 1 / 3, 1 / 3]), atol=0.011, rtol=0)


def test_draws_anew_at_each_call() -> None:
    synthesizer = Random(torch.Generator().manual_seed(0))
    anchors, neighbours = torch.arange(50), torch.arange(10).repeat(50, 1)
    assert not torch.equal(synthesizer(anchors, neighbours), synthesizer(anchors, neighbours))
