"""The feed-forward part in pieces is the feed-forward part."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from sracl.backbones import feed_forward as module
from sracl.backbones.feed_forward import feed_forward

SHAPES = ((6, 3), (6,), (3, 6), (3,))


@pytest.mark.parametrize("tokens", [1, 3, 4, 11])
def test_is_two_layers_with_the_exact_gelu_between_whatever_the_pieces(tokens: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 4)
    torch.manual_seed(0)
    x = torch.randn(tokens, 3, dtype=torch.float64, requires_grad=True)
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
    inner, inner_bias, outer, outer_bias = weights
    expected = functional.linear(functional.gelu(functional.linear(x, inner, inner_bias)), outer, outer_bias)
    torch.testing.assert_close(feed_forward(x, inner, inner_bias, outer, outer_bias), expected)
    assert torch.autograd.gradcheck(feed_forward, (x, *weights))


def test_gradients_do_not_depend_on_the_layout_of_what_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 2)
    x = torch.randn(5, 3, requires_grad=True)
    weights = [torch.randn(shape) for shape in SHAPES]
    grad = torch.randn(3, 5).T  # not contiguous
    (one,) = torch.autograd.grad(feed_forward(x, *weights), x, grad)
    (other,) = torch.autograd.grad(feed_forward(x, *weights), x, grad.contiguous())
    assert torch.equal(one, other)
