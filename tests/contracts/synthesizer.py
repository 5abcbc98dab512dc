"""What every synthesizer must satisfy: subclass the suite and give `make`, from its givens to the synthesizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
import torch
from torch import nn

from sracl.data.samples import SequenceNeighbours, SequenceTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from sracl.interfaces import Synthesizer

Make: TypeAlias = "Callable[[SequenceNeighbours, torch.Generator], Synthesizer]"


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

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError("give a function from neighbours and generator to the synthesizer under test")

    @pytest.fixture
    def given(self) -> SequenceNeighbours:
        return tiny_neighbours()

    @pytest.mark.parametrize("training", [True, False])
    def test_gives_absent_neighbours_no_weight(self, make: Make, given: SequenceNeighbours, training: bool) -> None:
        synthesizer = make(given, torch.Generator().manual_seed(1))
        if isinstance(synthesizer, nn.Module):
            synthesizer.train(training)
        weights = synthesizer(given.rows, given.ids)
        assert weights.shape == given.ids.shape
        assert weights.is_floating_point()
        assert bool(weights.isfinite().all())
        assert bool((weights[given.ids < 0] == 0).all())

    def test_weights_sum_to_one_outside_training(self, make: Make, given: SequenceNeighbours) -> None:
        synthesizer = make(given, torch.Generator().manual_seed(1))
        if isinstance(synthesizer, nn.Module):
            synthesizer.eval()
        weights = synthesizer(given.rows, given.ids)
        torch.testing.assert_close(weights.sum(dim=1), (given.ids >= 0).any(dim=1).float())

    def test_draws_from_its_own_generator_only(self, make: Make, given: SequenceNeighbours) -> None:
        torch.manual_seed(5)
        synthesizer = make(given, torch.Generator().manual_seed(1))
        state = torch.random.get_rng_state()
        weights = synthesizer(given.rows, given.ids)
        assert torch.equal(torch.random.get_rng_state(), state)
        torch.manual_seed(5)
        again = make(given, torch.Generator().manual_seed(1))(given.rows, given.ids)
        assert torch.equal(weights, again)

    def test_keeps_nothing_of_the_neighbours_in_its_state(self, make: Make, given: SequenceNeighbours) -> None:
        synthesizer = make(given, torch.Generator().manual_seed(1))
        state = synthesizer.state_dict() if isinstance(synthesizer, nn.Module) else {}
        pool = {tensor.data_ptr() for tensor in (given.vectors, given.ids, given.rows)}
        assert pool.isdisjoint(tensor.data_ptr() for tensor in state.values())
