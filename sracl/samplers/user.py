"""Every user once, each position of the history with the item that follows it."""

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


class User:
    """Visits every user once an epoch: the latest L items of x_1 … x_{n-3}, and for each of them the item after it.

    For backbones that let no position see a later one. What a long history has before its last L items is never read, where
    `prefix` reads all of it, and a mean over positions counts long histories more.

    Args:
        generator: Source of the order, on the device of the samples.

    Source: Kang and McAuley 2018, arXiv:1808.09781, on the training of the network.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """One row per user with n > 3, whose batches have targets [B, L]."""
        return splits.at_each_position(splits.user_prefixes(interactions, max_length))

    def __call__(self, num_samples: int, batch_size: int) -> Sequence[Tensor]:
        """Sample ids of every step of one epoch, int64 [batch_size]; the last step has what remains.

        Raises:
            ValueError: The batch size is below 1.
        """
        return shuffled(self.generator, num_samples, batch_size)
