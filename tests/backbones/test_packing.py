"""Packing: where tokens go, and that they come back."""

from __future__ import annotations

import torch

from sracl.backbones.packing import Packing, widths
from sracl.contracts.backbone import sequences


def test_widths_grow_by_about_a_third_and_end_with_the_longest() -> None:
    assert widths(20) == [1, 2, 3, 4, 6, 8, 11, 15, 20]
    assert widths(1) == [1]
    assert widths(3) == [1, 2, 3]
    for longest in range(1, 120):
        assert widths(longest)[-1] == longest
        assert widths(longest) == sorted(set(widths(longest)))


def test_packs_groups_by_width_and_restores_the_order() -> None:
    items = torch.tensor([[0, 0, 0, 0, 0, 7], [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 8]])
    packing = Packing(items, torch.tensor([1, 5, 1]))
    assert [(group.rows, group.width) for group in packing.groups] == [(2, 1), (1, 6)]
    assert packing.items.tolist() == [7, 8, 0, 1, 2, 3, 4, 5]
    assert packing.slots(19).tolist() == [19, 19, 14, 15, 16, 17, 18, 19]
    assert packing.last().tolist() == [0, 1, 7]
    assert packing.restore(torch.tensor([10, 11, 12])).tolist() == [10, 12, 11]


def test_unpack_puts_every_token_back() -> None:
    items, lengths = sequences([3, 1, 7, 5, 6, 2], length=9)
    packing = Packing(items, lengths)
    back = packing.unpack(packing.items[:, None].float())
    assert torch.equal(back[..., 0].long(), items)


def test_biases_forbid_padding_and_the_future_but_never_oneself() -> None:
    items = torch.tensor([[0, 1, 2, 3, 4, 5]])
    (causal,) = Packing(items, torch.tensor([5])).biases(causal=True)
    (both,) = Packing(items, torch.tensor([5])).biases(causal=False)
    allowed = causal[0] == 0
    assert allowed[0].tolist() == [True, False, False, False, False, False]  # padding: only itself
    assert allowed[3].tolist() == [False, True, True, True, False, False]
    assert (both[0] == 0)[3].tolist() == [False, True, True, True, True, True]


def test_rows_that_fill_their_group_share_one_bias() -> None:
    items, lengths = sequences([3, 3, 1])
    one, three = Packing(items, lengths).biases(causal=True)
    assert one.tolist() == [[[0.0]]]
    assert (three == 0).tolist() == [[[True, False, False], [True, True, False], [True, True, True]]]
