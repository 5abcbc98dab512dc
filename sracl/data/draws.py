"""Whole numbers at random, each below a limit of its own."""

from __future__ import annotations

import torch
from torch import Tensor


def below(limits: Tensor, generator: torch.Generator) -> Tensor:
    """A number uniform over 0 … limit - 1 for each limit, independently of one another.

    62 random bits modulo the limit: of limits up to a million the bias is below 2^-40.

    Args:
        limits: int64 of any shape, 1 or more.
        generator: Source of the draws, on the device of the limits.

    Returns:
        int64 of that shape.
    """
    return torch.randint(2**62, limits.shape, generator=generator, device=limits.device) % limits
