"""What every sampler must satisfy: subclass the suite, and say how to `make` one with a generator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from sracl.contracts.promises import expect, expect_same, refusal, spoken
from sracl.data.interactions import Interactions, Rows, Split
from sracl.data.samples import SequenceTable

if TYPE_CHECKING:
    from sracl.interfaces import Sampler


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

    def make(self, generator: torch.Generator) -> Sampler:
        """The sampler under test, which draws from this generator alone."""
        raise NotImplementedError("give the sampler under test, made with a generator")

    def interactions(self) -> Interactions:
        """Users whose training parts are shorter than L, as long, and longer, and some that barely have one."""
        return interactions_of([3, 4, 5, 8, 9, 13, 40, 3])

    def sampler(self, seed: int = 0) -> Sampler:
        """The sampler with a generator of its own."""
        return self.make(torch.Generator().manual_seed(seed))

    def test_rows_lie_in_what_trains_of_their_user(self) -> None:
        """Samples lie in what trains of their user, x_1 … x_{n-2}."""
        interactions = self.interactions()
        rows = self.sampler().rows(interactions, self.max_length)
        begins, ends = interactions.offsets[rows.users], interactions.offsets[rows.users + 1]
        expect(len(rows) > 0, "samples", "none")
        before = int((rows.starts < begins).sum())
        expect(before == 0, "samples that begin in their user's sequence", f"{before} of {len(rows)} that begin before it")
        expect((rows.starts < rows.stops).all(), "an item at least in each", f"{int((rows.starts >= rows.stops).sum())} without")
        # x_{n-1} and x_n stand at ends - 2 and ends - 1; stops are exclusive
        beyond = rows.stops > ends - 2
        expect(not beyond.any(), "samples that end before what validates and what tests", f"{int(beyond.sum())} of {len(rows)} that do not")
        expect((rows.visible == rows.stops - begins).all(), "`visible` to count all items up to each sample's end", "others")

    def test_targets_follow_and_train_or_are_none(self) -> None:
        """Targets are the items that follow and train, or 0."""
        interactions = self.interactions()
        rows = self.sampler().rows(interactions, self.max_length)
        known = rows.targets > 0
        wrong = rows.targets[known] != interactions.items[rows.stops[known]]
        expect(not wrong.any(), "the item after each sample", f"others for {int(wrong.sum())} of {len(rows)}")
        held_out = (rows.stops >= interactions.offsets[rows.users + 1] - 2)[known]
        expect(not held_out.any(), "targets that train", f"{int(held_out.sum())} that validate or test")

    def test_rows_lie_in_what_trains_where_data_are_divided_otherwise(self) -> None:
        """Samples and targets lie in what trains where data are divided by time, which is none or all of some users."""
        interactions = self.interactions()
        few, most = interactions.lengths // 3, interactions.lengths
        trained = np.where(np.arange(len(most)) % 2, few - 1, most)  # 0, all, and what is between
        nobody = Rows(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        divided = replace(interactions, split=Split("by hand", "by hand", trained, valid=nobody, test=nobody))
        rows = self.sampler().rows(divided, self.max_length)
        expect(len(rows) > 0, "samples", "none")
        read = rows.stops - divided.offsets[rows.users]
        beyond = read + (rows.targets > 0) > divided.trained[rows.users]
        due = "samples of the first `interactions.trained` items of each user"
        expect(not beyond.any(), due, f"{int(beyond.sum())} of {len(rows)} that read or predict others")
        expect((rows.starts < rows.stops).all(), "an item at least in each", f"{int((rows.starts >= rows.stops).sum())} without")

    def test_what_is_held_out_changes_no_batch(self) -> None:
        """What is held out, x_{n-1} and x_n, changes no batch."""
        interactions = self.interactions()
        other = interactions.items.copy()
        for place in (1, 2):
            ends = interactions.offsets[1:] - place
            other[ends] = interactions.num_items + 1 - other[ends]
        changed = Interactions(
            interactions.name, other, interactions.offsets, interactions.users, interactions.item_ids, interactions.texts, "changed"
        )
        batches = []
        for data in (interactions, changed):
            table = SequenceTable.of(data, self.sampler().rows(data, self.max_length), self.max_length)
            batches.append(table.batch(torch.arange(len(table))))
        for name, tensor in vars(batches[0]).items():
            expect_same(tensor, getattr(batches[1], name), f"the same {name} of a batch where held-out items are others")

    def test_rows_are_the_same_at_every_call(self) -> None:
        """Samples are the same at every call and with every generator, so that a number names one for good."""
        interactions = self.interactions()
        sampler = self.sampler()
        one = sampler.rows(interactions, self.max_length)
        sampler(len(one), 4)
        for other in (sampler.rows(interactions, self.max_length), self.sampler(1).rows(interactions, self.max_length)):
            for name in ("users", "visible", "starts", "stops", "targets"):
                same = np.array_equal(getattr(one, name), getattr(other, name))
                expect(same, f"the same {name}", f"{getattr(one, name)[:5].tolist()} …, then {getattr(other, name)[:5].tolist()} …")
            expect(one.each_position == other.each_position, f"each_position = {one.each_position}", other.each_position)

    def test_visits_every_sample_once_and_keeps_the_last_smaller_batch(self) -> None:
        """Visits every sample once an epoch, and keeps the last smaller batch."""
        steps = self.sampler()(10, 4)
        sizes = [len(step) for step in steps]
        expect(sizes == [4, 4, 2], "steps of 4, 4 and 2 of 10 samples", sizes)
        types = {spoken(step.dtype) for step in steps}
        expect(types == {"int64"}, "ids of int64", ", ".join(sorted(types)))
        visited = torch.cat(list(steps)).sort().values.tolist()
        expect(visited == list(range(10)), "each of 0..9 once", visited)

    def test_draws_a_new_order_each_epoch_and_repeats_it_from_the_same_state(self) -> None:
        """Draws a new order each epoch from its own generator, and the same one again from the same state."""
        generator = torch.Generator().manual_seed(0)
        sampler = self.make(generator)
        state = generator.get_state()
        untouched = torch.random.get_rng_state()
        first, second = (torch.cat(list(sampler(100, 7))) for _ in range(2))
        expect(not torch.equal(first, second), "another order in the second epoch", "the same")
        generator.set_state(state)
        expect_same(torch.cat(list(sampler(100, 7))), first, "the first order again, its generator set back")
        expect_same(torch.cat(list(self.sampler()(100, 7))), first, "the first order again of a sampler made anew")
        expect(torch.equal(torch.random.get_rng_state(), untouched), "torch's global generator to stay as it is", "draws from it")

    def test_no_samples_are_no_steps(self) -> None:
        """No samples are no steps."""
        steps = len(self.sampler()(0, 4))
        expect(steps == 0, "no step", steps)

    def test_refuses_an_empty_batch(self) -> None:
        """Refuses an empty batch."""
        with refusal(ValueError, "batch_size 0", 'a ValueError that says "batch_size 0"'):
            self.sampler()(10, 0)
