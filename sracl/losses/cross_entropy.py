"""The loss of predicting the next item among all items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

HELD = {"cpu": 2**23, "cuda": 2**26}
"""Logits N × V, by device, up to which they are kept for the gradient: 256 × 32,768 on a CPU, beyond which blocks are faster."""

BLOCK = {"cpu": 2**21, "cuda": 2**24}
"""Logits of a block where they are not; a CPU wants a block in its cache, a GPU wants few kernels."""


def cross_entropy(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of the full softmax over items 1..V; padding is no class.

        l_n = log Σ_{j=1..V} exp(h_n · E_j) - h_n · E_{t_n}

    No bias, temperature or smoothing. Half precision is raised to float32 before the logits are taken. Logits of a small
    catalogue are kept for the gradient. A large one is gone through in blocks of items, twice, so that N × V logits never
    exist at once.

    Args:
        states: h, float [N, d].
        item_table: E, float [V + 1, d]; row 0 is padding and takes no part.
        targets: t, int64 [N], ids in 1..V.

    Returns:
        Mean of l_n, scalar, in nats; about log V for a fresh model.

    Raises:
        IndexError: On a CPU, a target is 0 or above V. Elsewhere the loss is then NaN, since asking would make the host wait.
        RuntimeError: A second derivative is wanted.

    Source: Cui et al. 2025, SRA-CL, equation 3; the running sum over blocks: Milakov and Gimelshein 2018,
        arXiv:1805.02867, algorithm 3.
    """
    num_items, device = len(item_table) - 1, states.device.type
    if device == "cpu" and bool(((targets < 1) | (targets > num_items)).any()):
        raise IndexError(f"targets must be items 1..{num_items}, got {int(targets.min())}..{int(targets.max())}")
    dtype = torch.promote_types(states.dtype, torch.float32)
    width = num_items
    if len(states) * num_items > HELD.get(device, HELD["cuda"]):
        width = max(1, BLOCK.get(device, BLOCK["cuda"]) // len(states))
    loss: Tensor = _CrossEntropy.apply(states.to(dtype), item_table.to(dtype), targets, width)  # type: ignore[no-untyped-call]
    return loss


class _CrossEntropy(torch.autograd.Function):
    """Logits are turned into exponentials, and these into the gradient, in the one buffer [N, width] they stand in.

    Products go to `out`, which autocast leaves in full precision.
    """

    @staticmethod
    def forward(ctx: Any, states: Tensor, item_table: Tensor, targets: Tensor, width: int) -> Tensor:
        own = states.new_full((len(states), 1), float("nan"))
        peak = torch.full_like(own, float("-inf"))
        total = torch.zeros_like(own)
        for start, items, buffer in _blocks(states, item_table, width):
            logits = torch.mm(states, items.T, out=buffer)
            column, here = _column(targets, start, len(items))
            own = torch.where(here, logits.gather(1, column), own)
            higher = torch.maximum(peak, logits.amax(1, keepdim=True))
            total = total * (peak - higher).exp() + logits.sub_(higher).exp_().sum(1, keepdim=True)
            peak = higher
        loss = (total.log() + (peak - own)).mean()
        own = (own - peak).exp() - total  # what the gradient has at the target
        held = logits.scatter_(1, column, own) if len(items) == len(item_table) - 1 else None
        ctx.width = width
        ctx.save_for_backward(states, item_table, targets, own, peak, total, held)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # someone asked for create_graph
            raise RuntimeError("cross_entropy has no second derivatives; take its gradient without create_graph")
        states, item_table, targets, own, peak, total, held = ctx.saved_tensors
        scale = grad / (len(states) * total)  # [N, 1]
        scaled = states * scale
        states_grad, item_grad = torch.zeros_like(states), torch.empty_like(item_table)
        item_grad[0] = 0
        for start, items, slope in _blocks(states, item_table, ctx.width, held):  # slope: total · (softmax - one-hot)
            if held is None:
                torch.addmm(peak, states, items.T, beta=-1, out=slope).exp_()
                column, here = _column(targets, start, len(items))
                slope.scatter_(1, column, torch.where(here, own, slope.gather(1, column)))
            states_grad.addmm_(slope, items)
            torch.mm(slope.T, scaled, out=item_grad[1 + start : 1 + start + len(items)])
        return states_grad.mul_(scale), item_grad, None, None


def _blocks(states: Tensor, item_table: Tensor, width: int, held: Tensor | None = None) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Where each block of items begins (item 1 at 0), its vectors [b, d], and room for its logits [N, b], shared by all."""
    items = item_table[1:]
    room = states.new_empty(len(states) * min(width, len(items))) if held is None else held.view(-1)
    for start in range(0, len(items), width):
        block = items[start : start + width]
        yield start, block, room[: len(states) * len(block)].view(len(states), len(block))


def _column(targets: Tensor, start: int, width: int) -> tuple[Tensor, Tensor]:
    """The target's column within a block (any column where it is in another), and whether it is in this one: [N, 1] each."""
    column = targets[:, None] - 1 - start
    return column.clamp(0, width - 1), (column >= 0) & (column < width)
