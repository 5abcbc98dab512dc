"""The loss of predicting the next item among all items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from sracl.interfaces import Bias

HELD = {"cpu": 2**23, "cuda": 2**26}
"""Logits V × N, by device, up to which they are kept for the gradient: 32,768 × 256 on a CPU; beyond, computing them anew is faster."""

BLOCK = {"cpu": 2**19, "cuda": 2**24}
"""Logits of a block; a CPU wants a block in its cache, a GPU wants few kernels."""

WITHOUT_SHIFT = 60.0
"""Logits, positive or negative, up to which exponentials are taken as they are: 10²⁶, of which float32 adds up 10¹²."""


def cross_entropy(states: Tensor, item_table: Tensor, targets: Tensor, bias: Bias | None = None) -> Tensor:
    """Cross entropy of the full softmax over items 1..V; padding is no class.

        l_n = log Σ_{j=1..V} exp(h_n · E_j + β_nj) - (h_n · E_{t_n} + β_{n t_n})

    No temperature or smoothing; β is 0 but where `bias` says otherwise. Half precision is raised to float32 before the logits
    are taken. Logits of a small catalogue are kept for the gradient. A large one is gone through in blocks of items, twice, so
    that N × V logits never exist at once.

    Args:
        states: h, float [N, d].
        item_table: E, float [V + 1, d]; row 0 is padding and takes no part.
        targets: t, int64 [N], ids in 1..V.
        bias: β of some items of each row.

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
    hold = len(states) * num_items <= HELD.get(device, HELD["cuda"])
    size = max(1, BLOCK.get(device, BLOCK["cuda"]) // max(1, len(states)))
    places, values = (None, None) if bias is None else _entries(bias.items, bias.values.to(dtype))
    loss: Tensor = _CrossEntropy.apply(states.to(dtype), item_table.to(dtype), targets, places, values, size, hold)  # type: ignore[no-untyped-call]
    return loss


class _CrossEntropy(torch.autograd.Function):
    """Logits are turned into exponentials, and these into the gradient, in the one buffer they stand in.

    Where all logits are small, that takes one pass. Else the greatest is taken from all before, so that none is too great.

    A row of it is an item, [V, N] or [size, N]: blocks of items are then contiguous, and sums over items add whole rows,
    which takes a CPU two thirds of the time of [N, V]. Products go to `out`, which autocast leaves in full precision.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        item_table: Tensor,
        targets: Tensor,
        places: Tensor | None,
        values: Tensor | None,
        size: int,
        hold: bool,
    ) -> Tensor:
        own = states.new_full((1, len(states)), float("nan"))
        bounded = _bounded(states, item_table, values)
        peak = torch.zeros_like(own) if bounded else torch.full_like(own, float("-inf"))
        total = torch.zeros_like(own)
        held = states.new_empty(len(item_table) - 1, len(states)) if hold else None
        for start, items, buffer in _blocks(states, item_table, size, held):
            logits = torch.mm(items, states.T, out=buffer)
            _add(logits, places, values, start)
            if held is None:
                row, here = _row(targets, start, len(items))
                own = torch.where(here, logits.gather(0, row), own)
            if bounded:
                total += logits.exp_().sum(0, keepdim=True)
                continue
            higher = torch.maximum(peak, logits.amax(0, keepdim=True))
            if not hold:
                total = total * (peak - higher).exp() + logits.sub_(higher).exp_().sum(0, keepdim=True)
            peak = higher
        if held is not None:
            row, _ = _row(targets, 0, len(held))
            own = held.gather(0, row)
            if bounded:
                own.log_()
            else:
                for logits in held.split(size):
                    total += logits.sub_(peak).exp_().sum(0, keepdim=True)
        loss = (total.log() + (peak - own)).mean()
        own = (own - peak).exp() - total  # what the gradient has at the target
        if held is not None:
            held.scatter_(0, row, own)
        ctx.size = size
        ctx.save_for_backward(states, item_table, targets, places, values, own, peak, total, held)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # someone asked for create_graph
            raise RuntimeError("cross_entropy has no second derivatives; take its gradient without create_graph")
        states, item_table, targets, places, values, own, peak, total, held = ctx.saved_tensors
        scale = grad / (len(states) * total)  # [1, N]
        scaled = states * scale.T
        states_grad = states.new_zeros(states.shape[::-1])  # [d, N]: the product is a quarter faster than in [N, d]
        item_grad = torch.empty_like(item_table)
        item_grad[0] = 0
        values_grad = None if values is None else torch.zeros_like(values)
        for start, items, slope in _blocks(states, item_table, ctx.size, held):  # slope: total · (softmax - one-hot)
            if held is None:
                torch.addmm(peak, items, states.T, beta=-1, out=slope)
                _add(slope, places, values, start)
                slope.exp_()
                row, here = _row(targets, start, len(items))
                slope.scatter_(0, row, torch.where(here, own, slope.gather(0, row)))
            if values_grad is not None:
                part, inside, within = _inside(places, start, slope)
                values_grad[part] += slope.view(-1)[inside] * within
            states_grad.addmm_(items.T, slope)
            torch.mm(slope, scaled, out=item_grad[1 + start : 1 + start + len(items)])
        if values_grad is not None:
            values_grad *= scale[0, places % len(states)]
        return states_grad.mul_(scale).T, item_grad, None, None, values_grad, None, None


def _bounded(states: Tensor, item_table: Tensor, values: Tensor | None) -> bool:
    """Whether no logit can be beyond `WITHOUT_SHIFT`, by the lengths of the vectors. A GPU would have to be waited for."""
    if states.device.type != "cpu":
        return False
    longest: list[float] = [torch.linalg.vector_norm(vectors, dim=1).max().item() for vectors in (states, item_table[1:])]
    added = 0.0 if values is None or not len(values) else values.abs().max().item()
    return longest[0] * longest[1] + added <= WITHOUT_SHIFT


def _blocks(states: Tensor, item_table: Tensor, size: int, held: Tensor | None) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Where each block of items begins (item 1 at 0), its vectors [b, d], and its logits [b, N]: those held, or room all share."""
    items = item_table[1:]
    room = states.new_empty(min(size, len(items)), len(states)) if held is None else held
    for start in range(0, len(items), size):
        block = items[start : start + size]
        yield start, block, room[: len(block)] if held is None else room[start : start + size]


def _row(targets: Tensor, start: int, size: int) -> tuple[Tensor, Tensor]:
    """The target's row within a block (any row where it is in another), and whether it is in this one: [1, N] each."""
    row = (targets - 1 - start)[None]
    return row.clamp(0, size - 1), (row >= 0) & (row < size)


def _entries(items: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """A bias [N, C] as places in the flat logits of all items [V · N] (negative: no item), ascending, and the values there."""
    own = torch.arange(len(items), device=items.device)[:, None]
    places, order = ((items - 1) * len(items) + own).flatten().sort()
    return places, values.flatten().gather(0, order)


def _inside(places: Tensor, start: int, logits: Tensor) -> tuple[slice, Tensor, Tensor | float]:
    """Which entries to look at for a block, where they stand in its flat logits [b · N], and whether they do (1) or not (0).

    A CPU looks for those that do. A GPU would have to be waited for and has few blocks: it takes all.
    """
    begin = start * logits.shape[1]
    if places.device.type == "cpu":
        part = slice(*torch.searchsorted(places, torch.tensor([begin, begin + logits.numel()])).tolist())
        return part, places[part] - begin, 1.0
    inside = places - begin
    return slice(None), inside.clamp(0, logits.numel() - 1), (inside >= 0) & (inside < logits.numel())


def _add(logits: Tensor, places: Tensor | None, values: Tensor | None, start: int) -> None:
    """Add the entries of a bias to the logits of a block [b, N]."""
    if places is not None and values is not None:
        part, inside, here = _inside(places, start, logits)
        logits.view(-1).scatter_add_(0, inside, values[part] * here)
