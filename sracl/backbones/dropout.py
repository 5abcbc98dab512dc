"""Dropout whose mask costs one random byte an element instead of one Bernoulli draw (about 20 times cheaper on a CPU)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def random_mask(shape: torch.Size, keep: float, device: torch.device) -> Tensor:
    """A mask of 0 and 1 with P(1) = keep, drawn from the global generator: uint8 or int16.

    Random bits are compared with a threshold. Where keep is a multiple of 1/256, as 0.5 is, a byte an element makes the
    probability exact; elsewhere two bytes make it exact to 1/131072. Compared in place, since a result of type bool is written
    element by element, at twenty times the cost.
    """
    byte_exact = float(keep * 256).is_integer()
    per_word = 8 if byte_exact else 4
    count = shape.numel()
    words = torch.empty((count + per_word - 1) // per_word, dtype=torch.int64, device=device).random_(-(2**63), None)
    if byte_exact:
        return words.view(torch.uint8)[:count].lt_(round(keep * 256)).view(shape)
    return words.view(torch.int16)[:count].lt_(min(round(keep * 65536), 65535) - 32768).view(shape)


def factors(mask: Tensor, keep: float, dtype: torch.dtype) -> Tensor:
    """What dropout multiplies by: 1 / keep where the mask is 1, else 0."""
    return mask.to(dtype).mul_(1 / keep)


class _Drop(torch.autograd.Function):
    """x · factors, keeping only the mask for the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, mask: Tensor, keep: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.keep = keep
        return factors(mask, keep, x.dtype).mul_(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return factors(mask, ctx.keep, grads[0].dtype).mul_(grads[0]), None, None


class _DropAndAdd(torch.autograd.Function):
    """residual + x · factors in one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, residual: Tensor, mask: Tensor, keep: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.keep = keep
        return torch.addcmul(residual, x, factors(mask, keep, residual.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return factors(mask, ctx.keep, grads[0].dtype).mul_(grads[0]), grads[0], None, None


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

    @property
    def rate(self) -> float:
        """The probability in force: p in training, 0 elsewhere."""
        return self.p if self.training else 0.0

    def forward(self, x: Tensor) -> Tensor:
        """The same shape and type as x."""
        if not self.rate:
            return x
        result: Tensor = _Drop.apply(x, random_mask(x.shape, 1 - self.p, x.device), 1 - self.p)  # type: ignore[no-untyped-call]
        return result

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """The sum residual + dropout(x), of the same shape as both and the type of the residual, which may be the wider one."""
        if not self.rate:
            return residual + x
        result: Tensor = _DropAndAdd.apply(x, residual, random_mask(x.shape, 1 - self.p, x.device), 1 - self.p)  # type: ignore[no-untyped-call]
        return result

    def extra_repr(self) -> str:
        """Shown by print(model)."""
        return f"p={self.p}"
