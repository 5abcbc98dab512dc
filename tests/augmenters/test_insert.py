from __future__ import annotations

import torch

from sracl.augmenters.insert import Insert
from sracl.contracts.augmenter import AugmenterContract, numbered
from sracl.interfaces import Augmenter
from tests.support.similarities import semantic

LENGTHS = torch.tensor([1, 2, 3, 4, 5, 10, 20])


def shifted(num_items: int, by: int) -> torch.Tensor:
    """The nearest of item i is i + by, int64 [num_items + by + 1, 1]; items above `num_items` have none."""
    table = torch.zeros(num_items + by + 1, 1, dtype=torch.int64)
    table[1 : num_items + 1, 0] = torch.arange(1, num_items + 1) + by
    return table


def insert(ratio: float, table: torch.Tensor | None = None) -> Insert:
    return Insert(torch.Generator().manual_seed(0), similarity=semantic(shifted(20, 100) if table is None else table), ratio=ratio)


class TestInsert(AugmenterContract):
    def make(self, generator: torch.Generator) -> Augmenter:
        table = torch.arange(13)[:, None] % 12 + 1
        table[0] = 0
        return Insert(generator, similarity=semantic(table), ratio=0.4)


def test_inserts_the_share_rounded_down_and_one_at_least_each_before_its_anchor() -> None:
    lengths = LENGTHS.repeat(50)
    items = numbered(lengths, 40)  # room for all
    view, new_lengths = insert(0.4)(items, lengths)
    # n + max(1, ⌊.4 n⌋)
    assert (new_lengths - lengths).view(50, 7).tolist() == [[1, 1, 1, 1, 2, 4, 8]] * 50
    for old, new in zip(items.tolist(), view.tolist(), strict=True):
        assert [item for item in new if 0 < item < 100] == [item for item in old if item]  # in the old order
        assert all(after == item - 100 for item, after in zip(new, new[1:], strict=False) if item > 100)


def test_one_item_becomes_two() -> None:
    view, lengths = insert(0.4)(torch.tensor([[0, 0, 7]]), torch.tensor([1]))
    assert view.tolist() == [[0, 107, 7]]
    assert lengths.tolist() == [2]


def test_what_outgrows_the_width_loses_its_oldest_items() -> None:
    lengths = torch.full((20_000,), 4)
    view, new_lengths = insert(0.25)(numbered(lengths, 4), lengths)
    assert bool((new_lengths == 4).all())
    views, counts = view.unique(dim=0, return_counts=True)
    # Before 1: 101 itself goes. Before 2, 3 or 4: 1 goes.
    assert views.tolist() == [[1, 2, 3, 4], [2, 3, 104, 4], [2, 103, 3, 4], [102, 2, 3, 4]]
    # One of four: standard deviation (1/4 · 3/4 / 20000)^½ = .0031; four of them.
    torch.testing.assert_close(counts / 20_000, torch.full((4,), 0.25), atol=0.0123, rtol=0)


def test_a_view_has_as_many_items_as_fit_the_latest_ones() -> None:
    lengths = torch.arange(1, 21).repeat(50)
    view, new_lengths = insert(0.4)(numbered(lengths, 20), lengths)
    # min(20, n + max(1, ⌊.4 n⌋))
    assert torch.equal(new_lengths, (lengths + (2 * lengths // 5).clamp(min=1)).clamp(max=20))
    for length, new in zip(lengths.tolist(), view.tolist(), strict=True):
        old = [item for item in new if 0 < item < 100]
        assert old == list(range(length - len(old) + 1, length + 1))  # what is lost was at the front
        assert all(after == item - 100 for item, after in zip(new, new[1:], strict=False) if item > 100)
        assert new[-1] == length


def test_passes_over_items_without_a_neighbour() -> None:
    table = shifted(2, 3)  # items 3, 4 and 5 have none
    view, lengths = insert(0.8, table)(torch.tensor([[0, 0, 0, 3, 1, 4, 2, 5]]), torch.tensor([5]))
    assert view.tolist() == [[0, 3, 4, 1, 4, 5, 2, 5]]
    assert lengths.tolist() == [7]
