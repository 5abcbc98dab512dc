"""What every augmenter must satisfy: subclass the suite, and say how to `make` one with a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.contracts.promises import expect, expect_same, expect_shape, spoken

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Augmenter


def left_padded(lengths: Tensor, max_length: int, num_items: int, seed: int = 0) -> Tensor:
    """Random ids 1..num_items, int64 [N, max_length], in the last `lengths` slots of each row; 0 before them."""
    items = torch.randint(1, num_items + 1, (len(lengths), max_length), generator=torch.Generator().manual_seed(seed))
    return items.masked_fill(torch.arange(max_length) < max_length - lengths[:, None], 0)


def numbered(lengths: Tensor, max_length: int) -> Tensor:
    """Rows 1, 2, …, n, int64 [N, max_length], left-padded: an item says where it stood."""
    return (torch.arange(1, max_length + 1) - max_length + lengths[:, None]).clamp(min=0)


class AugmenterContract:
    """Suite of an augmenter of sequences over items 1..`num_items`."""

    num_items = 12
    max_length = 8
    has_draws = True
    """Whether the augmenter draws: what always makes the same of a sequence says no."""

    def make(self, generator: torch.Generator) -> Augmenter:
        """The augmenter under test, which draws from this generator alone."""
        raise NotImplementedError("give the augmenter under test, made with a generator")

    def lengths(self) -> Tensor:
        """Lengths of the sequences it is tried on, int64 [64]."""
        return torch.arange(64) % self.max_length + 1

    def items(self, lengths: Tensor) -> Tensor:
        """The sequences it is tried on, int64 [64, L]."""
        return left_padded(lengths, self.max_length, self.num_items)

    def fresh(self) -> Augmenter:
        """One with a generator that begins anew."""
        return self.make(torch.Generator().manual_seed(1))

    def test_keeps_rows_left_padded_and_ids_known(self) -> None:
        """Gives left-padded rows of known ids, each with an item at least."""
        lengths = self.lengths()
        items = self.items(lengths)
        view, view_lengths = self.fresh()(items, lengths)
        expect_shape(view, items.shape, "a view")
        expect_shape(view_lengths, lengths.shape, "lengths")
        types = f"{spoken(view.dtype)} and {spoken(view_lengths.dtype)}"
        expect(view.dtype == view_lengths.dtype == torch.int64, "ids and lengths of int64", types)
        known = (view_lengths >= 1) & (view_lengths <= self.max_length)
        expect(known.all(), f"lengths in 1..{self.max_length}", f"{int(view_lengths.min())} to {int(view_lengths.max())}")
        real = torch.arange(self.max_length) >= self.max_length - view_lengths[:, None]
        wrong = ((view > 0) != real).any(1)
        first = int(wrong.int().argmax())
        came = f"{int(wrong.sum())} of {len(view)} rows otherwise, as {view[first].tolist()} of length {int(view_lengths[first])}"
        expect(not wrong.any(), "items in the last slots of a row, as many as its length, and 0 before them", came)
        expect(int(view.max()) <= self.num_items, f"ids up to {self.num_items}", int(view.max()))

    def test_never_writes_to_its_input(self) -> None:
        """Never writes to its input."""
        lengths = self.lengths()
        items = self.items(lengths)
        before = items.clone(), lengths.clone()
        self.fresh()(items, lengths)
        expect_same(items, before[0], "the items to stay as they were given")
        expect_same(lengths, before[1], "the lengths to stay as they were given")

    def test_draws_from_its_own_generator_only(self) -> None:
        """Draws from the generator it is given, and from nothing else."""
        lengths = self.lengths()
        items = self.items(lengths)
        augmenter = self.fresh()
        state = torch.random.get_rng_state()
        view, _ = augmenter(items, lengths)
        expect(torch.equal(torch.random.get_rng_state(), state), "torch's global generator to stay as it is", "draws from it")
        again, _ = self.fresh()(items, lengths)
        expect_same(view, again, "the same view with a generator in the same state")

    def test_draws_a_new_view_at_each_call(self) -> None:
        """Draws a new view at each call, or none at all."""
        lengths = self.lengths()
        items = self.items(lengths)
        augmenter = self.fresh()
        same = torch.equal(augmenter(items, lengths)[0], augmenter(items, lengths)[0])
        expected = "another view at a second call" if self.has_draws else "the same view at a second call, as it draws nothing"
        expect(same != self.has_draws, expected, "the same view" if same else "another view")

    def test_does_not_read_how_wide_the_padding_is(self) -> None:
        """Takes rows without padding."""
        # Without padding there is nothing but the items to work on: a row of full length must do as well.
        full = torch.full((4,), self.max_length)
        view, lengths = self.fresh()(left_padded(full, self.max_length, self.num_items), full)
        expect((view[:, -1] > 0).all(), "an item in the last slot of each row", "padding there")
        expect((lengths >= 1).all(), "lengths of 1 at least", int(lengths.min()))

    def test_a_row_does_not_see_the_others(self) -> None:
        """Makes the same of a row whatever stands in the others."""
        lengths = self.lengths()
        items = self.items(lengths)
        changed = items.clone()
        changed[0] = items[0].where(items[0] == 0, items[0] % self.num_items + 1)
        before, after = (self.fresh()(version, lengths) for version in (items, changed))
        expect_same(before[0][1:], after[0][1:], "the same views of other rows where the first has other items")
        expect_same(before[1], after[1], "the same lengths where the first row has other items")

    def test_how_much_changes_does_not_depend_on_the_padding(self) -> None:
        """How much it changes depends on the items, not on the padding."""
        # Half of the width is padding, or seven eighths: a share of the items is the same number of them, a share of the width is not.
        lengths = torch.full((256,), self.max_length // 2)
        narrow = left_padded(lengths, self.max_length, self.num_items)
        wide = torch.nn.functional.pad(narrow, (3 * self.max_length, 0))
        few, many = (set(self.fresh()(version, lengths)[1].tolist()) for version in (narrow, wide))
        expect(few == many, "views of the same lengths in wider padding", f"lengths {sorted(few)} and, wider, {sorted(many)}")
