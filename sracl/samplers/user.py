"""Every user once, each position of the history with the item that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.data import splits
from sracl.samplers.order import Shuffled

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


class User(Shuffled):
    """Visits every user once an epoch: the latest L items of x_1 … x_{m-1}, and for each of them the item after it.

    For backbones that let no position see a later one. What a long history has before its last L items is never read, where
    `prefix` reads all of it, and a mean over positions counts long histories more.

    Args:
        generator: Source of the order, on the device of the samples.

    Source: Kang and McAuley 2018, arXiv:1808.09781, on the training of the network.
    """

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """One row per user with m > 1, whose batches have targets [B, L]."""
        return splits.at_each_position(splits.user_prefixes(interactions, max_length))
