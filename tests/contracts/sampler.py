"""What every sampler must satisfy: subclass the suite and give `make`, from a generator to the sampler.

A third party's runs it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
import torch

from sracl.data.interactions import Interactions
from sracl.data.samples import SequenceTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sracl.interfaces import Sampler

Make: TypeAlias = "Callable[[torch.Generator], Sampler]"


def interactions_of(lengths: list[int], *, num_items: int = 30, seed: int = 0) -> Interactions:
    """Users with so many interactions of random items, which may repeat."""
    draws = np.random.default_rng(seed)
    items = draws.integers(1, num_items + 1, size=sum(lengths))
    return Interactions.of(
        "sampled",
        {
            f"u{user}": [f"i{item}" for item in items[stop - length : stop]]
            for user, (length, stop) in enumerate(zip(lengths, np.cumsum(lengths), strict=True))
        },
        {},
    )


class SamplerContract:
    """Suite of a sampler."""

    max_length = 6

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError("give a function from a generator to the sampler under test")

    @pytest.fixture
    def interactions(self) -> Interactions:
        """Users whose training parts are shorter than L, as long, and longer, and some that barely have one."""
        return interactions_of([3, 4, 5, 8, 9, 13, 40, 3])

    def sampler(self, make: Make, seed: int = 0) -> Sampler:
        """The sampler with a generator of its own."""
        return make(torch.Generator().manual_seed(seed))

    def test_rows_lie_in_what_trains_of_their_user(self, make: Make, interactions: Interactions) -> None:
        rows = self.sampler(make).rows(interactions, self.max_length)
        begins, ends = interactions.offsets[rows.users], interactions.offsets[rows.users + 1]
        assert len(rows) > 0
        assert bool((rows.starts >= begins).all())
        assert bool((rows.starts < rows.stops).all())
        # x_{n-1} and x_n stand at ends - 2 and ends - 1; stops are exclusive
        assert bool((rows.stops <= ends - 2).all())
        assert bool((rows.visible == rows.stops - begins).all())

    def test_targets_follow_and_train_or_are_none(self, make: Make, interactions: Interactions) -> None:
        rows = self.sampler(make).rows(interactions, self.max_length)
        known = rows.targets > 0
        assert bool((rows.targets[known] == interactions.items[rows.stops[known]]).all())
        assert bool((rows.stops < interactions.offsets[rows.users + 1] - 2)[known].all())

    def test_what_is_held_out_changes_no_batch(self, make: Make, interactions: Interactions) -> None:
        other = interactions.items.copy()
        for place in (1, 2):
            ends = interactions.offsets[1:] - place
            other[ends] = interactions.num_items + 1 - other[ends]
        changed = Interactions(
            interactions.name, other, interactions.offsets, interactions.users, interactions.item_ids, interactions.texts, "changed"
        )
        batches = []
        for data in (interactions, changed):
            table = SequenceTable.of(data, self.sampler(make).rows(data, self.max_length), self.max_length)
            batches.append(table.batch(torch.arange(len(table))))
        for name, tensor in vars(batches[0]).items():
            assert torch.equal(tensor, getattr(batches[1], name)), name

    def test_rows_are_the_same_at_every_call(self, make: Make, interactions: Interactions) -> None:
        sampler = self.sampler(make)
        one = sampler.rows(interactions, self.max_length)
        sampler(len(one), 4)
        for other in (sampler.rows(interactions, self.max_length), self.sampler(make, 1).rows(interactions, self.max_length)):
            for name in ("users", "visible", "starts", "stops", "targets"):
                assert bool((getattr(one, name) == getattr(other, name)).all()), name
            assert one.each_position == other.each_position

    def test_visits_every_sample_once_and_keeps_the_last_smaller_batch(self, make: Make) -> None:
        steps = self.sampler(make)(10, 4)
        assert [len(step) for step in steps] == [4, 4, 2]
        assert all(step.dtype == torch.int64 for step in steps)
        assert torch.cat(list(steps)).sort().values.tolist() == list(range(10))

    def test_draws_a_new_order_each_epoch_and_repeats_it_from_the_same_state(self, make: Make) -> None:
        generator = torch.Generator().manual_seed(0)
        sampler = make(generator)
        state = generator.get_state()
        untouched = torch.random.get_rng_state()
        first, second = (torch.cat(list(sampler(100, 7))) for _ in range(2))
        assert not torch.equal(first, second)
        generator.set_state(state)
        assert torch.equal(torch.cat(list(sampler(100, 7))), first)
        assert torch.equal(torch.cat(list(self.sampler(make)(100, 7))), first)
        assert torch.equal(torch.random.get_rng_state(), untouched)

    def test_no_samples_are_no_steps(self, make: Make) -> None:
        assert len(self.sampler(make)(0, 4)) == 0

    def test_refuses_an_empty_batch(self, make: Make) -> None:
        with pytest.raises(ValueError, match="batch_size 0"):
            self.sampler(make)(10, 0)
