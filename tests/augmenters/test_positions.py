from __future__ import annotations

import pytest
import torch

from sracl.augmenters.positions import choose, choose_start, floor_share


def test_shares_are_those_of_integer_arithmetic() -> None:
    lengths = torch.arange(1, 201)
    for percent in range(1, 101):
        assert torch.equal(floor_share(lengths, percent / 100), percent * lengths // 100), percent


def test_a_share_that_floats_miss() -> None:
    # .29 · 100 is 28.999999999999996 in floats
    assert floor_share(torch.tensor([100]), 0.29).tolist() == [29]
    assert floor_share(torch.tensor([3, 6, 7]), 1 / 3).tolist() == [1, 2, 2]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 9])
def test_as_many_as_wanted_are_chosen_and_none_that_may_not_be(count: int) -> None:
    eligible = torch.tensor([[False, True, True, False, True]]).expand(50, -1)
    chosen = choose(eligible, torch.full((50,), count), torch.Generator().manual_seed(0))
    assert chosen.sum(1).tolist() == [min(count, 3)] * 50
    assert not bool((chosen & ~eligible).any())


def test_every_pair_of_slots_is_as_likely() -> None:
    chosen = choose(torch.ones(30_000, 4, dtype=torch.bool), torch.full((30_000,), 2), torch.Generator().manual_seed(0))
    names = (chosen * torch.tensor([1, 2, 4, 8])).sum(1)
    shares = names.bincount(minlength=16)[[3, 5, 6, 9, 10, 12]] / 30_000
    # One of six pairs: standard deviation (1/6 · 5/6 / 30000)^½ = .0022; four of them.
    torch.testing.assert_close(shares, torch.full((6,), 1 / 6), atol=0.0087, rtol=0)


def test_a_window_begins_anywhere_it_fits() -> None:
    starts = choose_start(torch.tensor([0, 3]).repeat(20_000), torch.Generator().manual_seed(0)).view(-1, 2)
    assert not bool(starts[:, 0].any())
    # One of four: standard deviation (1/4 · 3/4 / 20000)^½ = .0031; four of them.
    torch.testing.assert_close(starts[:, 1].bincount() / 20_000, torch.full((4,), 0.25), atol=0.0123, rtol=0)
