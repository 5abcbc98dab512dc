"""The order in which samples are visited: what samplers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


def shuffled(generator: torch.Generator, num_samples: int, batch_size: int) -> Sequence[Tensor]:
    """Every sample once, in an order drawn anew: sample ids of each step, int64 [batch_size]; the last has what remains.

    Args:
        generator: Source of the order, on the device of the samples.
        num_samples: Samples of an epoch.
        batch_size: Samples of a step.

    Raises:
        ValueError: The batch size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f"a batch has at least 1 sample, got batch_size {batch_size}")
    if num_samples == 0:
        return ()
    order = torch.randperm(num_samples, generator=generator, device=generator.device)
    return torch.split(order, batch_size)
