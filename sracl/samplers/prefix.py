"""Every prefix of every training part, each with the item that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.data import splits
from sracl.samplers.order import shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from torch import Tensor

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


class Prefix:
    """Visits every training prefix once an epoch, in an order drawn anew.

    Args:
        generator: Source of the order, on the device of the samples.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """Inputs x_1 … x_t with target x_{t+1}, t = 1 … n-3, by user and then by t: Σ max(0, n - 3) rows."""
        return splits.training_prefixes(interactions, max_length)

    def __call__(self, num_samples: int, batch_size: int) -> Sequence[Tensor]:
        """Sample ids of every step of one epoch, int64 [batch_size]; the last step has what remains.

        Raises:
            ValueError: The batch size is below 1.
        """
        return shuffled(self.generator, num_samples, batch_size)
