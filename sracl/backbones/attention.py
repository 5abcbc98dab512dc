"""The core of self-attention on packed sequences, with derivatives written by hand.

Rows are short and many, so that attention costs passes over memory rather than arithmetic. Both functions go through a group
from end to end while it is in the cache, where automatic differentiation would pass over all tokens at every operation.
Neither can be differentiated twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sracl.backbones.autocast import as_small_products
from sracl.backbones.dropout import factors, random_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.backbones.packing import Group


def attend(query_key_value: Tensor, groups: Sequence[Group], biases: Sequence[Tensor], num_heads: int, dropout: float) -> Tensor:
    """What every token gathers from its row: softmax(Q Kᵀ / √(d/H) + bias) V, with dropout on the softmax.

    Args:
        query_key_value: Q, K and V side by side, float [T, 3d].
        groups: Where the rows lie among the T tokens.
        biases: Per group, added to the scores; float [rows or 1, width, width], -inf where attention is forbidden.
        num_heads: H.
        dropout: Probability of zeroing a weight, in [0, 1).

    Returns:
        float [T, d], heads side by side.
    """
    result: Tensor = _Attend.apply(query_key_value, groups, biases, num_heads, 1 - dropout)  # type: ignore[no-untyped-call]
    return result


def attend_last(
    tokens: Tensor, queries: Tensor, groups: Sequence[Group], biases: Sequence[Tensor], dropout: float
) -> tuple[Tensor, Tensor]:
    """What the last token of every row gathers: the row's tokens, weighed by softmax(queries · token + bias).

    The tokens are their own keys and values. Since q · (W_K x) = (W_Kᵀ q) · x and Σ a (W_V x) = W_V (Σ a x), whoever has one
    query per row projects that query and what it gathered, and need not project T tokens to keys and values.

    Args:
        tokens: x, float [T, d].
        queries: H queries per row, one a head, scaled and projected, float [N, H, d]; rows sorted as in the groups.
        groups: Where the rows lie among the T tokens.
        biases: As for `attend`; their last line is used.
        dropout: Probability of zeroing a weight, in [0, 1).

    Returns:
        Σ a x, float [N, H, d]; Σ a, float [N, H], which dropout makes differ from 1.
    """
    result: tuple[Tensor, Tensor] = _AttendLast.apply(tokens, queries, groups, biases, 1 - dropout)  # type: ignore[no-untyped-call]
    return result


def _dropped(weights: Tensor, keep: float, out: Tensor) -> tuple[Tensor, Tensor | None]:
    """Weights after dropout, written to `out`, and the mask."""
    if keep == 1:
        return weights, None
    mask = random_mask(weights.shape, keep, weights.device)
    return torch.mul(weights, factors(mask, keep, weights.dtype), out=out), mask


def _through_softmax(grad: Tensor, weights: Tensor, mask: Tensor | None, keep: float) -> Tensor:
    """From the gradient of the dropped weights, which is overwritten, to that of the scores."""
    if mask is not None:
        grad.mul_(factors(mask, keep, grad.dtype))
    return torch._softmax_backward_data(grad, weights, -1, weights.dtype)


class _Attend(torch.autograd.Function):
    """A group's tokens are laid out by head while they are in the cache: then one product serves all heads of all rows."""

    @staticmethod
    @as_small_products
    def forward(ctx: Any, qkv: Tensor, groups: Sequence[Group], biases: Sequence[Tensor], heads: int, keep: float) -> Tensor:
        size = qkv.shape[1] // (3 * heads)
        result = qkv.new_empty(len(qkv), heads * size)
        saved = []
        for g, bias in zip(groups, biases, strict=True):
            parts = _by_head(g.of(qkv), size).view(3, heads * g.rows, g.width, size)
            q, k, v = parts
            bias = bias.to(qkv.dtype)
            bias = bias if len(bias) == 1 else bias.repeat(heads, 1, 1)
            scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=1 / math.sqrt(size))
            weights = scores.softmax(-1)
            dropped, mask = _dropped(weights, keep, out=scores)
            _by_token(torch.bmm(dropped, v), out=g.of(result))
            saved += [parts, weights, mask, dropped]
        ctx.save_for_backward(*saved)
        ctx.groups, ctx.heads, ctx.keep = groups, heads, keep
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        saved, heads, grad = ctx.saved_tensors, ctx.heads, grads[0].contiguous()
        size = grad.shape[1] // heads
        result = grad.new_empty(len(grad), 3 * heads * size)
        for index, g in enumerate(ctx.groups):
            parts, weights, mask, dropped = saved[4 * index : 4 * index + 4]
            q, k, v = parts
            mixed = _by_head(g.of(grad), size).view(heads * g.rows, g.width, size)
            to_scores = _through_softmax(torch.bmm(mixed, v.transpose(1, 2)), weights, mask, ctx.keep)
            to_q, to_k, to_v = to_parts = torch.empty_like(parts)
            torch.bmm(dropped.transpose(1, 2), mixed, out=to_v)
            torch.baddbmm(to_q, to_scores, k, beta=0, alpha=1 / math.sqrt(size), out=to_q)
            torch.baddbmm(to_k, to_scores.transpose(1, 2), q, beta=0, alpha=1 / math.sqrt(size), out=to_k)
            _by_token(to_parts, out=g.of(result))
        return result, None, None, None, None


def _by_head(tokens: Tensor, size: int) -> Tensor:
    """A group's tokens [rows, width, n · size] as [n, rows, width, size]."""
    return tokens.view(*tokens.shape[:2], -1, size).permute(2, 0, 1, 3).contiguous()


def _by_token(parts: Tensor, *, out: Tensor) -> None:
    """The way back, into a group's tokens [rows, width, n · size]."""
    rows, width, size = *out.shape[:2], parts.shape[-1]
    out.view(rows, width, -1, size).copy_(parts.view(-1, rows, width, size).permute(1, 2, 0, 3))


class _AttendLast(torch.autograd.Function):
    @staticmethod
    @as_small_products
    def forward(
        ctx: Any, tokens: Tensor, queries: Tensor, groups: Sequence[Group], biases: Sequence[Tensor], keep: float
    ) -> tuple[Tensor, Tensor]:
        mixed, sums = torch.empty_like(queries), queries.new_empty(queries.shape[:2])
        saved = []
        for g, bias in zip(groups, biases, strict=True):
            x = g.of(tokens)
            scores = torch.baddbmm(bias[:, -1:].to(x.dtype), g.row(queries), x.transpose(1, 2))
            weights = scores.softmax(-1)
            dropped, mask = _dropped(weights, keep, out=scores)
            torch.bmm(dropped, x, out=g.row(mixed))
            torch.sum(dropped, -1, out=g.row(sums))
            saved += [weights, mask, dropped]
        ctx.save_for_backward(tokens, queries, *saved)
        ctx.groups, ctx.keep = groups, keep
        return mixed, sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        tokens, queries, *saved = ctx.saved_tensors
        to_mixed, to_sums = grads
        to_tokens, to_queries = torch.empty_like(tokens), torch.empty_like(queries)
        for index, g in enumerate(ctx.groups):
            weights, mask, dropped = saved[3 * index : 3 * index + 3]
            x, out = g.of(tokens), g.of(to_tokens)
            torch.bmm(dropped.transpose(1, 2), g.row(to_mixed), out=out)
            to_weights = torch.baddbmm(g.row(to_sums)[:, :, None], g.row(to_mixed), x.transpose(1, 2))
            to_scores = _through_softmax(to_weights, weights, mask, ctx.keep)
            torch.bmm(to_scores, x, out=g.row(to_queries))
            out.baddbmm_(to_scores.transpose(1, 2), g.row(queries))
        return to_tokens, to_queries, None, None, None
