"""What of a batch an objective computes."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted(weights: Tensor) -> Tensor:
    """Places in [B · L], or of whatever has weights, that are computed, int64 [P]: on a CPU those with a weight.

    Elsewhere all of them, as the host would have to wait for their number; whoever sums multiplies by the weights, so that
    those without one count for nothing.
    """
    if weights.device.type == "cpu":
        return weights.flatten().nonzero().flatten()
    return torch.arange(weights.numel(), device=weights.device)
