from __future__ import annotations

import pytest
import torch

from sracl.augmenters.substitute import Substitute
from sracl.contracts.augmenter import AugmenterContract, numbered
from sracl.interfaces import Augmenter
from tests.support.similarities import semantic

LENGTHS = torch.tensor([1, 2, 3, 4, 5, 10, 20])


def next_after(num_items: int) -> torch.Tensor:
    """The nearest of every item is the one after it, the next nearest the one after that, round and round: [V + 1, 2]."""
    table = (torch.arange(num_items + 1)[:, None] + torch.tensor([0, 1])) % num_items + 1
    table[0] = 0
    return table


def substitute(ratio: float, table: torch.Tensor | None = None) -> Substitute:
    return Substitute(torch.Generator().manual_seed(0), similarity=semantic(next_after(40) if table is None else table), ratio=ratio)


class TestSubstitute(AugmenterContract):
    def make(self, generator: torch.Generator) -> Augmenter:
        return Substitute(generator, similarity=semantic(next_after(self.num_items)), ratio=0.3)


# max(1, ⌊.05 n⌋), max(1, ⌊.1 n⌋), max(1, ⌊.5 n⌋)
@pytest.mark.parametrize(
    ("ratio", "count"),
    [(0.05, [1, 1, 1, 1, 1, 1, 1]), (0.1, [1, 1, 1, 1, 1, 1, 2]), (0.5, [1, 1, 1, 2, 2, 5, 10]), (1.0, LENGTHS.tolist())],
)
def test_replaces_the_share_rounded_down_and_one_at_least_by_the_nearest(ratio: float, count: list[int]) -> None:
    lengths = LENGTHS.repeat(50)
    items = numbered(lengths, 20)
    view, new_lengths = substitute(ratio)(items, lengths)
    replaced = view != items
    assert replaced.sum(1).view(50, 7).tolist() == [count] * 50
    assert torch.equal(view[replaced], items[replaced] + 1)
    assert torch.equal(new_lengths, lengths)


def test_takes_positions_alike() -> None:
    lengths = torch.full((20_000,), 5)
    items = numbered(lengths, 6)
    share = (substitute(0.2)(items, lengths)[0] != items).double().mean(0)
    assert share[0] == 0
    # One of five: standard deviation (.2 · .8 / 20000)^½ = .0028; four of them.
    torch.testing.assert_close(share[1:], torch.full((5,), 0.2, dtype=torch.float64), atol=0.0115, rtol=0)


def test_passes_over_items_without_a_neighbour() -> None:
    table = next_after(5)
    table[2:5] = 0
    items = numbered(torch.full((50,), 5), 5)
    once, _ = substitute(0.2, table)(items, torch.full((50,), 5))
    assert {tuple(row) for row in once.tolist()} == {(2, 2, 3, 4, 5), (1, 2, 3, 4, 1)}
    often, _ = substitute(0.8, table)(items, torch.full((50,), 5))
    assert {tuple(row) for row in often.tolist()} == {(2, 2, 3, 4, 1)}
