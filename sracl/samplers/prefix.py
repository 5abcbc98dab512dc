"""Every prefix of every training part, each with the item that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.data import splits
from sracl.samplers.order import Shuffled

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


class Prefix(Shuffled):
    """Visits every training prefix once an epoch, in an order drawn anew.

    Args:
        generator: Source of the order, on the device of the samples.
    """

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """Inputs x_1 … x_t with target x_{t+1}, t = 1 … m-1, by user and then by t: Σ max(0, m - 1) rows."""
        return splits.training_prefixes(interactions, max_length)
