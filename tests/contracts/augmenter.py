"""What every augmenter must satisfy: subclass the suite and give `make`, from a generator to the augmenter."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from sracl.interfaces import Augmenter

Make: TypeAlias = "Callable[[torch.Generator], Augmenter]"


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

    @pytest.fixture
    def make(self) -> Make:
        raise NotImplementedError("give a function from a generator to the augmenter under test")

    @pytest.fixture
    def lengths(self) -> Tensor:
        return torch.arange(64) % self.max_length + 1

    @pytest.fixture
    def items(self, lengths: Tensor) -> Tensor:
        return left_padded(lengths, self.max_length, self.num_items)

    def test_keeps_rows_left_padded_and_ids_known(self, make: Make, items: Tensor, lengths: Tensor) -> None:
        view, view_lengths = make(torch.Generator().manual_seed(1))(items, lengths)
        assert view.shape == items.shape
        assert view.dtype == view_lengths.dtype == torch.int64
        assert bool(((view_lengths >= 1) & (view_lengths <= self.max_length)).all())
        real = torch.arange(self.max_length) >= self.max_length - view_lengths[:, None]
        assert torch.equal(view > 0, real)
        assert int(view.max()) <= self.num_items

    def test_never_writes_to_its_input(self, make: Make, items: Tensor, lengths: Tensor) -> None:
        before = items.clone(), lengths.clone()
        make(torch.Generator().manual_seed(1))(items, lengths)
        assert torch.equal(items, before[0])
        assert torch.equal(lengths, before[1])

    def test_draws_from_its_own_generator_only(self, make: Make, items: Tensor, lengths: Tensor) -> None:
        augmenter = make(torch.Generator().manual_seed(1))
        state = torch.random.get_rng_state()
        view, _ = augmenter(items, lengths)
        assert torch.equal(torch.random.get_rng_state(), state)
        again, _ = make(torch.Generator().manual_seed(1))(items, lengths)
        assert torch.equal(view, again)

    def test_draws_a_new_view_at_each_call(self, make: Make, items: Tensor, lengths: Tensor) -> None:
        augmenter = make(torch.Generator().manual_seed(1))
        assert torch.equal(augmenter(items, lengths)[0], augmenter(items, lengths)[0]) != self.has_draws

    def test_does_not_read_how_wide_the_padding_is(self, make: Make) -> None:
        # Without padding there is nothing but the items to work on: a row of full length must do as well.
        full = torch.full((4,), self.max_length)
        view, lengths = make(torch.Generator().manual_seed(1))(left_padded(full, self.max_length, self.num_items), full)
        assert bool((view[:, -1] > 0).all())
        assert bool((lengths >= 1).all())

    def test_a_row_does_not_see_the_others(self, make: Make, items: Tensor, lengths: Tensor) -> None:
        changed = items.clone()
        changed[0] = items[0].where(items[0] == 0, items[0] % self.num_items + 1)
        before, after = (make(torch.Generator().manual_seed(1))(version, lengths) for version in (items, changed))
        assert torch.equal(before[0][1:], after[0][1:])
        assert torch.equal(before[1], after[1])

    def test_how_much_changes_does_not_depend_on_the_padding(self, make: Make) -> None:
        # Half of the width is padding, or seven eighths: a share of the items is the same number of them, a share of the width is not.
        lengths = torch.full((256,), self.max_length // 2)
        narrow = left_padded(lengths, self.max_length, self.num_items)
        wide = torch.nn.functional.pad(narrow, (3 * self.max_length, 0))
        few, many = (set(make(torch.Generator().manual_seed(1))(version, lengths)[1].tolist()) for version in (narrow, wide))
        assert few == many
