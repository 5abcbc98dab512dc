"""What every pair of views must satisfy: subclass the suite and give `make`, from samples and a generator to the pair.

A third party's runs it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
import torch

from sracl.data.samples import SequenceTable
from sracl.interfaces import BATCH
from tests.contracts.augmenter import left_padded

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from sracl.interfaces import Batch, ViewPair

Make: TypeAlias = "Callable[[SequenceTable, torch.Generator], ViewPair]"


def samples_of(rows: list[list[int]], targets: list[int], *, max_length: int) -> SequenceTable:
    """Training samples with these items, each of a user of its own."""
    stops = torch.tensor([len(row) for row in rows]).cumsum(0)
    starts = torch.cat([torch.tensor([0]), stops[:-1]])
    items = torch.tensor([item for row in rows for item in row])
    return SequenceTable(items, starts, stops, max_length=max_length, users=torch.arange(len(rows)), targets=torch.tensor(targets))


class ViewContract:
    """Suite of a pair of views over items 1..`num_items`."""

    num_items = 12
    max_length = 8
    has_draws = True
    """Whether the pair draws: what always makes the same of a sequence says no."""

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError("give a function from samples and a generator to the views under test")

    @property
    def mask_item(self) -> int:
        """MASK, which may stand in a view and is no item."""
        return self.num_items + 1

    @pytest.fixture
    def samples(self) -> SequenceTable:
        """Sixty-four samples of 1, 2, …, L, 1, … items, four of each target or more."""
        lengths = torch.arange(64) % self.max_length + 1
        rows = left_padded(lengths, self.max_length, self.num_items)
        targets = (torch.arange(64) % self.num_items + 1).tolist()
        return samples_of([row[row > 0].tolist() for row in rows], targets, max_length=self.max_length)

    @pytest.fixture
    def batch(self, samples: SequenceTable) -> Batch:
        return samples.batch(torch.arange(len(samples)).flip(0))

    def drawn(self, make: Make, samples: SequenceTable, batch: Batch, seed: int = 1) -> list[Tensor]:
        """Items and lengths of both views."""
        views = make(samples, torch.Generator().manual_seed(seed))
        return [tensor for request in views(batch) for tensor in (request.items, request.lengths)]

    def test_asks_for_two_under_keys_of_their_own(self, make: Make, samples: SequenceTable, batch: Batch) -> None:
        views = make(samples, torch.Generator().manual_seed(1))
        first, second = views(batch)
        assert first.key != second.key
        for request in (first, second):
            if request.key == BATCH:  # shared by all objectives of a step: it can only be the batch itself
                assert request.items is batch.inputs
        assert [request.key for request in views(batch)] == [first.key, second.key]

    def test_has_a_row_for_each_of_the_batch_that_can_be_encoded(self, make: Make, samples: SequenceTable, batch: Batch) -> None:
        for request in make(samples, torch.Generator().manual_seed(1))(batch):
            assert request.items.dtype == request.lengths.dtype == torch.int64
            assert request.items.shape == batch.inputs.shape
            assert bool(((request.lengths >= 1) & (request.lengths <= self.max_length)).all())
            real = torch.arange(self.max_length) >= self.max_length - request.lengths[:, None]
            assert torch.equal(request.items > 0, real)
            assert int(request.items.max()) <= self.mask_item

    def test_takes_a_batch_of_one(self, make: Make, samples: SequenceTable) -> None:
        for request in make(samples, torch.Generator().manual_seed(1))(samples.batch(torch.tensor([0]))):
            assert request.items.shape == (1, self.max_length)
            assert bool((request.items[:, -1] > 0).all())

    def test_leaves_batch_and_samples_alone(self, make: Make, samples: SequenceTable, batch: Batch) -> None:
        before = {name: tensor.clone() for name, tensor in vars(batch).items()}
        items = samples.items.clone()
        views = make(samples, torch.Generator().manual_seed(1))
        for _ in range(100):
            views(batch)
        assert torch.equal(samples.items, items)
        for name, tensor in vars(batch).items():
            assert torch.equal(tensor, before[name]), name

    def test_draws_from_its_own_generator_only(self, make: Make, samples: SequenceTable, batch: Batch) -> None:
        state = torch.random.get_rng_state()
        once, again = (self.drawn(make, samples, batch) for _ in range(2))
        assert torch.equal(torch.random.get_rng_state(), state)
        assert all(torch.equal(one, other) for one, other in zip(once, again, strict=True))

    def test_draws_anew_at_each_call(self, make: Make, samples: SequenceTable, batch: Batch) -> None:
        views = make(samples, torch.Generator().manual_seed(1))
        once, again = ([request.items for request in views(batch)] for _ in range(2))
        same = all(torch.equal(one, other) for one, other in zip(once, again, strict=True))
        assert same != self.has_draws
