"""The feed-forward part of a Transformer layer, a few tokens at a time.

Its inner activations are four times as wide as everything else. Kept for the way back they are most of a layer's memory,
and every pass over them leaves the processor's caches. Here a piece of the tokens goes through both layers while it is in the
cache, only the input is kept, and the way back computes the inner layer once more: as fast, at a third of the memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sracl.backbones.autocast import as_one_product

PIECE = 2048
"""Tokens a piece, on a CPU; a GPU takes them all at once."""


def feed_forward(x: Tensor, inner: Tensor, inner_bias: Tensor, outer: Tensor, outer_bias: Tensor) -> Tensor:
    """W₂ gelu(W₁ x + b₁) + b₂ with the exact (erf) GELU; cannot be differentiated twice.

    Args:
        x: float [T, d].
        inner: W₁, float [m, d].
        inner_bias: b₁, float [m].
        outer: W₂, float [d, m].
        outer_bias: b₂, float [d].

    Returns:
        float [T, d].
    """
    result: Tensor = _FeedForward.apply(x, inner, inner_bias, outer, outer_bias)  # type: ignore[no-untyped-call]
    return result


def _piece(x: Tensor) -> int:
    return min(PIECE, len(x)) if x.device.type == "cpu" else len(x)


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left · right to a total that may be of a wider type."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


class _FeedForward(torch.autograd.Function):
    """Buffers of a piece's width are shared by all pieces, so that they stay in the cache and no page is asked for twice."""

    @staticmethod
    @as_one_product
    def forward(ctx: Any, x: Tensor, inner: Tensor, inner_bias: Tensor, outer: Tensor, outer_bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, inner, inner_bias, outer)
        result = torch.empty_like(x)
        size = _piece(x)
        before, hidden = x.new_empty(2, size, len(inner))
        for piece, out in zip(x.split(size), result.split(size), strict=True):
            count = len(piece)
            torch.addmm(inner_bias, piece, inner.T, out=before[:count])
            torch.ops.aten.gelu.out(before[:count], out=hidden[:count])
            torch.addmm(outer_bias, hidden[:count], outer.T, out=out)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        x, inner, inner_bias, outer = ctx.saved_tensors
        grad = grads[0].contiguous()
        exact = torch.promote_types(x.dtype, torch.float32)  # sums over pieces are
        to_x, to_inner, to_outer = torch.empty_like(x), torch.zeros_like(inner.T, dtype=exact), torch.zeros_like(outer, dtype=exact)
        to_bias = torch.zeros_like(inner_bias, dtype=exact)
        size = _piece(x)
        buffers = x.new_empty(3, size, len(inner))
        for piece, g, out in zip(x.split(size), grad.split(size), to_x.split(size), strict=True):
            before, hidden, to_hidden = (buffer[: len(piece)] for buffer in buffers)
            torch.addmm(inner_bias, piece, inner.T, out=before)
            torch.ops.aten.gelu.out(before, out=hidden)
            _add_product(to_outer, g.T, hidden)
            torch.mm(g, outer, out=to_hidden)
            to_before = torch.ops.aten.gelu_backward.grad_input(to_hidden, before, grad_input=hidden)
            _add_product(to_inner, piece.T, to_before)
            to_bias += to_before.sum(0, dtype=exact)
            torch.mm(to_before, inner, out=out)
        return to_x, to_inner.T, to_bias, to_outer, grad.sum(0, dtype=exact)
