from __future__ import annotations

import torch

from benchmarks.products import Products
from sracl.backbones.feed_forward import feed_forward


def test_products_of_both_ways_are_counted_in_place_and_by_batch() -> None:
    left, right = torch.randn(3, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    with Products() as products:
        (left @ right).sum().backward()
    assert products.multiplications == 3 * (3 * 4 * 5)  # itself, and one for the gradient of either factor
    with Products() as products:
        torch.baddbmm(torch.zeros(2, 3, 5), torch.randn(2, 3, 4), torch.randn(2, 4, 5))
        torch.zeros(3, 5).addmm_(torch.randn(3, 4), torch.randn(4, 5))
        torch.mm(torch.randn(3, 4), torch.randn(4, 5), out=torch.empty(3, 5))
    assert products.multiplications == (2 + 1 + 1) * 60


def test_derivatives_written_by_hand_are_seen() -> None:
    x, inner, outer = torch.randn(7, 2, requires_grad=True), torch.randn(8, 2), torch.randn(2, 8)
    with Products() as products:
        feed_forward(x, inner, torch.zeros(8), outer, torch.zeros(2)).sum().backward()
    assert products.multiplications == 7 * (
        7 * 2 * 8
    )  # two forth, two for the inputs' gradient, two for weights', the inner layer once more
