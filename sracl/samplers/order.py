"""The order in which samples are visited: what samplers share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Shuffled:
    """Visits every sample once an epoch, in an order drawn anew; what the samples are is its subclasses' business.

    Args:
        generator: Source of the order, on the device of the samples.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def __call__(self, num_samples: int, batch_size: int) -> Sequence[Tensor]:
        """Sample ids of every step of one epoch, int64 [batch_size]; the last step has what remains.

        Raises:
            ValueError: The batch size is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"a batch has at least 1 sample, got batch_size {batch_size}")
        if num_samples == 0:
            return ()
        order = torch.randperm(num_samples, generator=self.generator, device=self.generator.device)
        return torch.split(order, batch_size)
