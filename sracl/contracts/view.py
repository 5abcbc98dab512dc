"""What every pair of views must satisfy: subclass the suite, and say how to `make` one with samples and a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.contracts.augmenter import left_padded
from sracl.contracts.promises import expect, expect_same, expect_shape, spoken
from sracl.data.samples import SequenceTable
from sracl.interfaces import BATCH

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Batch, ViewPair


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

    def make(self, samples: SequenceTable, generator: torch.Generator) -> ViewPair:
        """The views under test, which draw from this generator alone."""
        raise NotImplementedError("give the views under test, made of samples and a generator")

    @property
    def mask_item(self) -> int:
        """MASK, which may stand in a view and is no item."""
        return self.num_items + 1

    def samples(self) -> SequenceTable:
        """Sixty-four samples of 1, 2, …, L, 1, … items, four of each target or more."""
        lengths = torch.arange(64) % self.max_length + 1
        rows = left_padded(lengths, self.max_length, self.num_items)
        targets = (torch.arange(64) % self.num_items + 1).tolist()
        return samples_of([row[row > 0].tolist() for row in rows], targets, max_length=self.max_length)

    def batch(self, samples: SequenceTable) -> Batch:
        """All of them, the last first."""
        return samples.batch(torch.arange(len(samples)).flip(0))

    def fresh(self, samples: SequenceTable) -> ViewPair:
        """Views with a generator that begins anew."""
        return self.make(samples, torch.Generator().manual_seed(1))

    def drawn(self, samples: SequenceTable, batch: Batch) -> list[Tensor]:
        """Items and lengths of both views."""
        return [tensor for request in self.fresh(samples)(batch) for tensor in (request.items, request.lengths)]

    def test_asks_for_two_under_keys_of_their_own(self) -> None:
        """Asks for two sequences a row, under keys of their own that stay."""
        samples = self.samples()
        batch = self.batch(samples)
        views = self.fresh(samples)
        first, second = views(batch)
        expect(first.key != second.key, "two keys", f'"{first.key}" twice')
        for request in (first, second):
            if request.key == BATCH:  # shared by all objectives of a step: it can only be the batch itself
                expect(request.items is batch.inputs, f'batch.inputs under the key "{BATCH}"', "other items")
        again = [request.key for request in views(batch)]
        expect(again == [first.key, second.key], f"the keys {[first.key, second.key]} at a second call", again)

    def test_has_a_row_for_each_of_the_batch_that_can_be_encoded(self) -> None:
        """Has a row for each of the batch, left-padded, with an item at least."""
        samples = self.samples()
        batch = self.batch(samples)
        for request in self.fresh(samples)(batch):
            of = f'of "{request.key}"'
            types = f"{spoken(request.items.dtype)} and {spoken(request.lengths.dtype)}"
            expect(request.items.dtype == request.lengths.dtype == torch.int64, f"items and lengths {of} of int64", types)
            expect_shape(request.items, batch.inputs.shape, f"items {of}")
            least, most = int(request.lengths.min()), int(request.lengths.max())
            expect(least >= 1 and most <= self.max_length, f"lengths {of} in 1..{self.max_length}", f"{least} to {most}")
            real = torch.arange(self.max_length) >= self.max_length - request.lengths[:, None]
            wrong = int(((request.items > 0) != real).any(1).sum())
            expect(wrong == 0, f"items {of} in the last slots, as many as the length says", f"others in {wrong} of {len(real)} rows")
            expect(int(request.items.max()) <= self.mask_item, f"ids {of} up to MASK, {self.mask_item}", int(request.items.max()))

    def test_takes_a_batch_of_one(self) -> None:
        """Takes a batch of one."""
        samples = self.samples()
        for request in self.fresh(samples)(samples.batch(torch.tensor([0]))):
            expect_shape(request.items, (1, self.max_length), f'items of "{request.key}"')
            expect((request.items[:, -1] > 0).all(), f'an item in the last slot of "{request.key}"', "padding")

    def test_leaves_batch_and_samples_alone(self) -> None:
        """Never writes to the batch or to the samples."""
        samples = self.samples()
        batch = self.batch(samples)
        before = {name: tensor.clone() for name, tensor in vars(batch).items()}
        items = samples.items.clone()
        views = self.fresh(samples)
        for _ in range(100):
            views(batch)
        expect_same(samples.items, items, "the samples to stay as they were")
        for name, tensor in vars(batch).items():
            expect_same(tensor, before[name], f"{name} of the batch to stay as they were")

    def test_draws_from_its_own_generator_only(self) -> None:
        """Draws from the generator it is given, and from nothing else."""
        samples = self.samples()
        batch = self.batch(samples)
        state = torch.random.get_rng_state()
        once, again = (self.drawn(samples, batch) for _ in range(2))
        expect(torch.equal(torch.random.get_rng_state(), state), "torch's global generator to stay as it is", "draws from it")
        for one, other in zip(once, again, strict=True):
            expect_same(one, other, "the same views with a generator in the same state")

    def test_draws_anew_at_each_call(self) -> None:
        """Draws new views at each call, or none at all."""
        samples = self.samples()
        batch = self.batch(samples)
        views = self.fresh(samples)
        once, again = ([request.items for request in views(batch)] for _ in range(2))
        same = all(torch.equal(one, other) for one, other in zip(once, again, strict=True))
        expected = "other views at a second call" if self.has_draws else "the same views at a second call, as it draws nothing"
        expect(same != self.has_draws, expected, "the same views" if same else "other views")
