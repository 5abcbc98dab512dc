from __future__ import annotations

from typing import Literal

import pytest
import torch

from sracl.augmenters.semantic_substitute import SemanticSubstitute
from sracl.contracts.augmenter import AugmenterContract, left_padded
from sracl.interfaces import Augmenter


def table_of(neighbours: dict[int, list[int]], num_items: int, k: int) -> torch.Tensor:
    """Neighbour table [num_items + 1, k] of the items named; the others have none."""
    table = torch.zeros(num_items + 1, k, dtype=torch.int64)
    for item, found in neighbours.items():
        table[item, : len(found)] = torch.tensor(found)
    return table


def following(num_items: int, k: int) -> torch.Tensor:
    """Every item's neighbours are the k items after it, round and round."""
    items = torch.arange(num_items + 1)[:, None]
    table = (items - 1 + torch.arange(1, k + 1)) % num_items + 1
    table[0] = 0
    return table


def substitute(
    table: torch.Tensor, *, ratio: float = 0.2, count: Literal["bernoulli", "exact"] = "bernoulli", seed: int = 0
) -> SemanticSubstitute:
    return SemanticSubstitute(table, torch.Generator().manual_seed(seed), ratio=ratio, count=count)


@pytest.mark.parametrize("count", ["bernoulli", "exact"])
class TestSemanticSubstitute(AugmenterContract):
    @pytest.fixture(autouse=True)
    def parameters(self, count: Literal["bernoulli", "exact"]) -> None:
        self.count = count

    def make(self, generator: torch.Generator) -> Augmenter:
        return SemanticSubstitute(following(self.num_items, 3), generator, ratio=0.3, count=self.count)


SPARSE = table_of({5: [1, 2], 7: [3], 9: [4, 8]}, num_items=9, k=2)


@pytest.mark.parametrize("count", ["bernoulli", "exact"])
def test_ratio_one_replaces_every_item_that_has_neighbours(count: Literal["bernoulli", "exact"]) -> None:
    items = torch.tensor([[0, 0, 5, 7, 9]]).expand(200, -1)
    view, lengths = substitute(SPARSE, ratio=1.0, count=count)(items, torch.full((200,), 3))
    assert {tuple(row) for row in view.tolist()} == {(0, 0, first, 3, last) for first in (1, 2) for last in (4, 8)}
    assert lengths.tolist() == [3] * 200


def test_a_vanishing_ratio_replaces_nothing() -> None:
    items = torch.tensor([[0, 0, 5, 7, 9]])
    # float32 draws are multiples of 2^-24, and none of these fifteen is 0.
    view, _ = substitute(SPARSE, ratio=1e-12)(items, torch.tensor([3]))
    assert torch.equal(view, items)


def test_items_without_neighbours_stay() -> None:
    items = torch.tensor([[0, 6, 5, 6, 1]])
    view, _ = substitute(SPARSE, ratio=1.0)(items, torch.tensor([4]))
    assert view[0, [0, 1, 3, 4]].tolist() == [0, 6, 6, 1]
    assert view[0, 2] in (1, 2)


def test_neighbours_are_chosen_uniformly_whatever_the_gaps() -> None:
    table = torch.zeros(6, 5, dtype=torch.int64)
    table[1] = torch.tensor([0, 2, 0, 3, 4])
    view, _ = substitute(table, ratio=1.0)(torch.ones(30_000, 1, dtype=torch.int64), torch.ones(30_000, dtype=torch.int64))
    share = view.flatten().bincount(minlength=6) / 30_000
    assert share[[0, 1, 5]].tolist() == [0, 0, 0]
    # Each share has standard deviation sqrt(1/3 · 2/3 / 30000) = .0027; four of them.
    torch.testing.assert_close(share[[2, 3, 4]], torch.full((3,), 1 / 3), atol=0.011, rtol=0)


def test_statistics_of_independent_choices() -> None:
    draws, length = 100_000, 10
    lengths = torch.full((draws,), length)
    items = left_padded(lengths, length, num_items=30)
    augmenter = substitute(following(30, 10))
    first, second = (augmenter(items, lengths)[0] != items for _ in range(2))
    # Binomial(10, .2): mean 2, P(0) = .8^10 = .1074; two independent views are both unchanged with .1074² = .0115.
    assert first.sum(1).double().mean().item() == pytest.approx(2.0, abs=0.02)
    unchanged, both = ~first.any(1), ~(first | second).any(1)
    assert unchanged.double().mean().item() == pytest.approx(0.1074, abs=0.003)
    assert both.double().mean().item() == pytest.approx(0.0115, abs=0.0015)


def test_exact_replaces_the_share_rounded_and_one_at_least() -> None:
    lengths = torch.tensor([1, 2, 3, 5, 10, 13, 20]).repeat(50)
    items = left_padded(lengths, 20, num_items=30)
    view, _ = substitute(following(30, 10), count="exact")(items, lengths)
    # max(1, round(.2 n)): .2, .4, .6, 1, 2, 2.6, 4
    assert (view != items).sum(1).view(50, 7).tolist() == [[1, 1, 1, 1, 2, 3, 4]] * 50


def test_exact_takes_positions_alike() -> None:
    lengths = torch.full((20_000,), 5)
    items = left_padded(lengths, 6, num_items=30)
    view, _ = substitute(following(30, 10), count="exact")(items, lengths)
    share = (view != items).double().mean(0)
    assert share[0] == 0
    # One of five: standard deviation sqrt(.2 · .8 / 20000) = .0028; four of them.
    torch.testing.assert_close(share[1:], torch.full((5,), 0.2, dtype=torch.float64), atol=0.0115, rtol=0)


def test_exact_passes_over_items_without_neighbours() -> None:
    items = torch.tensor([[6, 6, 6, 6, 5]]).expand(20, -1)
    view, _ = substitute(SPARSE, ratio=0.4, count="exact")(items, torch.full((20,), 5))
    assert torch.equal(view[:, :4], items[:, :4])
    assert bool((view[:, 4] != 5).all())
