"""What every synthesizer must satisfy: subclass the suite, and say how to `make` one with neighbours and a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from sracl.contracts.promises import expect, expect_close, expect_same, expect_shape, spoken
from sracl.data.samples import SequenceNeighbours, SequenceTable

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Synthesizer


def neighbours_of(ids: Tensor, vectors: Tensor, *, num_items: int = 12, max_length: int = 5) -> SequenceNeighbours:
    """Neighbours over a pool of P sequences of random items, of 1, 2, …, L, 1, … items; sample i is row i of the pool.

    Args:
        ids: Neighbours, int64 [S, k], -1 where there is none; S <= P.
        vectors: float [P, e].
        num_items: Items are drawn from 1..num_items.
        max_length: L.
    """
    size = len(vectors)
    lengths = torch.arange(size) % max_length + 1
    stops = lengths.cumsum(0)
    generator = torch.Generator().manual_seed(3)
    items = torch.randint(1, num_items + 1, (int(stops[-1]),), generator=generator)
    targets = torch.randint(1, num_items + 1, (size,), generator=generator)
    pool = SequenceTable(items, stops - lengths, stops, max_length=max_length, users=torch.arange(size), targets=targets)
    return SequenceNeighbours(ids=ids, rows=torch.arange(len(ids)), pool=pool, vectors=vectors)


def tiny_neighbours() -> SequenceNeighbours:
    """Six sequences, k = 3, with rows of three, two, one and no neighbours."""
    ids = torch.tensor([[1, 2, 3], [0, 5, -1], [4, -1, -1], [-1, -1, -1], [2, 0, 1], [1, 0, 4]])
    return neighbours_of(ids, torch.randn(6, 4, generator=torch.Generator().manual_seed(2)))


class SynthesizerContract:
    """Suite of a synthesizer."""

    def make(self, neighbours: SequenceNeighbours, generator: torch.Generator) -> Synthesizer:
        """The synthesizer under test, which draws from this generator alone."""
        raise NotImplementedError("give the synthesizer under test, made of neighbours and a generator")

    def fresh(self, given: SequenceNeighbours) -> Synthesizer:
        """One with a generator that begins anew."""
        return self.make(given, torch.Generator().manual_seed(1))

    def test_gives_absent_neighbours_no_weight(self) -> None:
        """Gives absent neighbours no weight, in training and outside."""
        given = tiny_neighbours()
        for training in (True, False):
            synthesizer = self.fresh(given)
            if isinstance(synthesizer, nn.Module):
                synthesizer.train(training)
            weights = synthesizer(given.rows, given.ids)
            expect_shape(weights, given.ids.shape, "a weight for each neighbour,")
            expect(weights.is_floating_point(), "floating-point numbers", spoken(weights.dtype))
            expect(weights.isfinite().all(), "finite weights", weights.tolist())
            expect((weights[given.ids < 0] == 0).all(), "a weight of 0 where the neighbour is -1", weights[given.ids < 0].tolist())

    def test_weights_sum_to_one_outside_training(self) -> None:
        """Weights sum to one outside of training, and to zero where there is no neighbour."""
        given = tiny_neighbours()
        synthesizer = self.fresh(given)
        if isinstance(synthesizer, nn.Module):
            synthesizer.eval()
        weights = synthesizer(given.rows, given.ids)
        expect_close(weights.sum(dim=1), (given.ids >= 0).any(dim=1).float(), "sums of 1 (0 without neighbours)")

    def test_draws_from_its_own_generator_only(self) -> None:
        """Draws from the generator it is given, and from nothing else."""
        given = tiny_neighbours()
        torch.manual_seed(5)
        synthesizer = self.fresh(given)
        state = torch.random.get_rng_state()
        weights = synthesizer(given.rows, given.ids)
        expect(torch.equal(torch.random.get_rng_state(), state), "torch's global generator to stay as it is", "draws from it")
        torch.manual_seed(5)
        expect_same(self.fresh(given)(given.rows, given.ids), weights, "the same weights with a generator in the same state")

    def test_keeps_nothing_of_the_neighbours_in_its_state(self) -> None:
        """Keeps nothing of the neighbours in its state, which checkpoints hold."""
        given = tiny_neighbours()
        synthesizer = self.fresh(given)
        state = synthesizer.state_dict() if isinstance(synthesizer, nn.Module) else {}
        pool = {tensor.data_ptr() for tensor in (given.vectors, given.ids, given.rows)}
        kept = [name for name, tensor in state.items() if tensor.data_ptr() in pool]
        expect(not kept, "no tensor of the neighbours in state_dict() (register_buffer(…, persistent=False))", ", ".join(kept))
