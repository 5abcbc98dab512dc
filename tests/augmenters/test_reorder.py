from __future__ import annotations

import pytest
import torch

from sracl.augmenters.reorder import Reorder
from sracl.contracts.augmenter import AugmenterContract, numbered
from sracl.interfaces import Augmenter

LENGTHS = torch.tensor([1, 2, 3, 4, 5, 10, 20])


def reorder(ratio: float, seed: int = 0) -> Reorder:
    return Reorder(torch.Generator().manual_seed(seed), ratio=ratio)


class TestReorder(AugmenterContract):
    def make(self, generator: torch.Generator) -> Augmenter:
        return Reorder(generator, ratio=0.6)


# ⌊.6 n⌋ and ⌊.2 n⌋; a stretch of one item changes nothing
@pytest.mark.parametrize(("ratio", "shuffled"), [(0.6, [0, 1, 1, 2, 3, 6, 12]), (0.2, [0, 0, 0, 0, 1, 2, 4])])
def test_shuffles_a_stretch_of_the_share_rounded_down(ratio: float, shuffled: list[int]) -> None:
    draws = 400
    lengths = LENGTHS.repeat(draws)
    items = numbered(lengths, 20)
    view, new_lengths = reorder(ratio)(items, lengths)
    assert torch.equal(new_lengths, lengths)
    assert torch.equal(view.sort(dim=1).values, items)  # a permutation, padding included
    moved = (view != items).view(draws, 7, 20)
    slots = torch.arange(20)
    last = torch.where(moved, slots, -1).amax(2)
    first = torch.where(moved, slots, 20).amin(2)
    span = torch.where(moved.any(2), last - first + 1, 0).amax(0)
    # One draw in two or more moves both ends of a stretch of m ≥ 2 (m = 2: 1/2, m = 3: 3/6), so the widest of 400 spans it.
    assert span.tolist() == [size if size > 1 else 0 for size in shuffled]


def test_every_order_is_as_likely() -> None:
    lengths = torch.full((30_000,), 3)
    view, _ = reorder(1.0)(numbered(lengths, 4), lengths)
    names = (view[:, 1:] * torch.tensor([100, 10, 1])).sum(1)
    orders, counts = names.unique(return_counts=True)
    assert orders.tolist() == [123, 132, 213, 231, 312, 321]
    # One of six: standard deviation (1/6 · 5/6 / 30000)^½ = .0022; four of them.
    torch.testing.assert_close(counts / 30_000, torch.full((6,), 1 / 6), atol=0.0087, rtol=0)


def test_the_stretch_begins_anywhere_the_latest_item_included() -> None:
    lengths = torch.full((30_000,), 4)
    view, _ = reorder(0.5)(numbered(lengths, 5), lengths)
    names = (view[:, 1:] * torch.tensor([1000, 100, 10, 1])).sum(1)
    orders, counts = names.unique(return_counts=True)
    # Two neighbours of four, at one of three places, trade places every other time: 1/6 each, and 1/2 for no change.
    assert orders.tolist() == [1234, 1243, 1324, 2134]
    torch.testing.assert_close(counts / 30_000, torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6]), atol=0.0116, rtol=0)
