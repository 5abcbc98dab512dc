"""The feed-forward part in pieces is the feed-forward part."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sracl.backbones import feed_forward as module
from sracl.backbones.dropout import Dropout
from sracl.backbones.feed_forward import feed_forward, project

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


def test_with_dropout_and_residual_it_is_what_dropout_adds_to_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 4)
    x = torch.randn(11, 3, dtype=torch.float64, requires_grad=True)
    weights = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]

    def whole(x: Tensor, inner: Tensor, inner_bias: Tensor, outer: Tensor, outer_bias: Tensor) -> Tensor:
        torch.manual_seed(0)
        return feed_forward(x, inner, inner_bias, outer, outer_bias, dropout=0.3, residual=True)

    result = whole(x, *weights)
    inner, inner_bias, outer, outer_bias = weights
    torch.manual_seed(0)
    torch.testing.assert_close(result, Dropout(0.3).add(feed_forward(x, inner, inner_bias, outer, outer_bias), x))
    assert torch.autograd.gradcheck(whole, (x, *weights))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_projection_in_pieces_is_dropped_and_added(dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", 4)
    shapes = ((11, 2), (3, 2), (3,), (11, 3))
    x, weight, bias, residual = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)

    def whole(x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor) -> Tensor:
        torch.manual_seed(0)
        return project(x, weight, bias, residual, dropout)

    result = whole(x, weight, bias, residual)
    torch.manual_seed(0)
    torch.testing.assert_close(result, Dropout(dropout).add(functional.linear(x, weight, bias), residual))
    assert torch.autograd.gradcheck(whole, (x, weight, bias, residual))
