"""The feed-forward part of a Transformer layer, a few tokens at a time.

Its inner activations are four times as wide as everything else. Kept for the way back they are most of a layer's memory,
and every pass over them leaves the processor's caches. Here a piece of the tokens goes through both layers while it is in the
cache, only the input is kept, and the way back computes the inner layer once more: as fast, at a third of the memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sracl.backbones.dropout import factors, random_mask

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 1024
"""Tokens a piece, on a CPU; a GPU takes them all at once."""


def feed_forward(
    x: Tensor, inner: Tensor, inner_bias: Tensor, outer: Tensor, outer_bias: Tensor, *, dropout: float = 0.0, residual: bool = False
) -> Tensor:
    """Drop(W₂ gelu(W₁ x + b₁) + b₂), and x besides, with the exact (erf) GELU; cannot be differentiated twice.

    Args:
        x: float [T, d].
        inner: W₁, float [m, d].
        inner_bias: b₁, float [m].
        outer: W₂, float [d, m].
        outer_bias: b₂, float [d].
        dropout: Probability of zeroing an element of the result, in [0, 1).
        residual: Add x.

    Returns:
        float [T, d].
    """
    keep = 1 - dropout
    mask = random_mask(x.shape, keep, x.device) if dropout else None
    result: Tensor = _FeedForward.apply(x, inner, inner_bias, outer, outer_bias, mask, keep, residual)  # type: ignore[no-untyped-call]
    return result


def project(x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor, dropout: float) -> Tensor:
    """The sum residual + Drop(W x + b), float [T, d], in pieces likewise; cannot be differentiated twice.

    Args:
        x: float [T, c].
        weight: W, float [d, c].
        bias: b, float [d].
        residual: float [T, d].
        dropout: Probability of zeroing an element of the projection, in [0, 1).
    """
    keep = 1 - dropout
    mask = random_mask(residual.shape, keep, x.device) if dropout else None
    result: Tensor = _Project.apply(x, weight, bias, residual, mask, keep)  # type: ignore[no-untyped-call]
    return result


class _FeedForward(torch.autograd.Function):
    """Buffers of a piece's width are shared by all pieces, so that they stay in the cache and no page is asked for twice."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        inner: Tensor,
        inner_bias: Tensor,
        outer: Tensor,
        outer_bias: Tensor,
        mask: Tensor | None,
        keep: float,
        residual: bool,
    ) -> Tensor:
        ctx.save_for_backward(x, inner, inner_bias, outer, mask)
        ctx.keep, ctx.residual = keep, residual
        result = torch.empty_like(x)
        size = _size(x)
        before, hidden = x.new_empty(2, size, len(inner))
        for part in _pieces(x):
            piece, out = x[part], result[part]
            count = len(piece)
            torch.addmm(inner_bias, piece, inner.T, out=before[:count])
            torch.ops.aten.gelu.out(before[:count], out=hidden[:count])
            torch.addmm(outer_bias, hidden[:count], outer.T, out=out)
            if mask is not None:
                out.mul_(factors(mask[part], keep, x.dtype))
            if residual:
                out += piece
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, inner, inner_bias, outer, mask = ctx.saved_tensors
        grad = grads[0].contiguous()
        to_x, to_inner, to_outer = torch.empty_like(x), torch.zeros_like(inner.T), torch.zeros_like(outer)
        to_inner_bias, to_outer_bias = torch.zeros_like(inner_bias), x.new_zeros(len(outer))
        buffers = x.new_empty(3, _size(x), len(inner))
        for part in _pieces(x):
            piece = x[part]
            before, hidden, to_hidden = (buffer[: len(piece)] for buffer in buffers)
            torch.addmm(inner_bias, piece, inner.T, out=before)
            torch.ops.aten.gelu.out(before, out=hidden)
            to_result = _through(grad[part], mask, part, ctx.keep)
            to_outer.addmm_(to_result.T, hidden)
            to_outer_bias += to_result.sum(0)
            torch.mm(to_result, outer, out=to_hidden)
            to_before = torch.ops.aten.gelu_backward.grad_input(to_hidden, before, grad_input=hidden)
            to_inner.addmm_(piece.T, to_before)
            to_inner_bias += to_before.sum(0)
            torch.addmm(grad[part], to_before, inner, beta=int(ctx.residual), out=to_x[part])
        return to_x, to_inner.T, to_inner_bias, to_outer, to_outer_bias, None, None, None


class _Project(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, residual: Tensor, mask: Tensor | None, keep: float) -> Tensor:
        ctx.save_for_backward(x, weight, mask)
        ctx.keep = keep
        result = torch.empty_like(residual)
        for part in _pieces(x):
            out = torch.addmm(bias, x[part], weight.T, out=result[part])
            if mask is not None:
                out.mul_(factors(mask[part], keep, x.dtype))
            out += residual[part]
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mask = ctx.saved_tensors
        grad = grads[0].contiguous()
        to_x, to_weight, to_bias = torch.empty_like(x), torch.zeros_like(weight), x.new_zeros(len(weight))
        for part in _pieces(x):
            to_result = _through(grad[part], mask, part, ctx.keep)
            torch.mm(to_result, weight, out=to_x[part])
            to_weight.addmm_(to_result.T, x[part])
            to_bias += to_result.sum(0)
        return to_x, to_weight, to_bias, grad, None, None


def _size(x: Tensor) -> int:
    """Tokens of a piece."""
    return min(PIECE, len(x)) if x.device.type == "cpu" else len(x)


def _pieces(x: Tensor) -> Iterator[slice]:
    """Where the pieces lie among the tokens."""
    size = _size(x)
    return (slice(start, start + size) for start in range(0, len(x), max(1, size)))


def _through(grad: Tensor, mask: Tensor | None, part: slice, keep: float) -> Tensor:
    """From the gradient of a piece's dropped values to that of the values."""
    return grad if mask is None else factors(mask[part], keep, grad.dtype).mul_(grad)
