from __future__ import annotations

import pytest
import torch

from sracl.objectives.negatives import draw_outside, refuse_full_rows


def test_draws_are_uniform_over_the_items_a_row_does_not_hold() -> None:
    # of 1..8 the first row holds 2, 5 (twice) and MASK 9, so 1, 3, 4, 6, 7, 8 remain; the second holds 1 and 8
    items = torch.tensor([[0, 2, 5, 5, 9], [0, 0, 0, 8, 1]])
    drawn = draw_outside(items, 8, 60_000, torch.Generator().manual_seed(0))
    for row, absent in zip(drawn, ([1, 3, 4, 6, 7, 8], [2, 3, 4, 5, 6, 7]), strict=True):
        values, counts = row.unique(return_counts=True)
        assert values.tolist() == absent
        # each is expected 10,000 times, with a standard deviation of (60,000 · 1/6 · 5/6)^½ = 91
        assert bool((counts - 10_000).abs().max() < 5 * 91)


def test_the_only_absent_item_is_found_and_nothing_is_written_to() -> None:
    items = torch.tensor([[3, 1, 2, 5]])
    before = items.clone()
    assert draw_outside(items, 5, 4, torch.Generator().manual_seed(0)).tolist() == [[4, 4, 4, 4]]
    assert torch.equal(items, before)


def test_an_item_must_be_left_whatever_a_row_holds() -> None:
    refuse_full_rows(5, 4)
    with pytest.raises(ValueError, match="a sequence of up to 4 may hold all 4 items, and none is left"):
        refuse_full_rows(4, 4)
