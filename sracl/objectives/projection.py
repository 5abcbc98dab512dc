"""From states to what is compared with items, attributes or other states: what pre-training objectives share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from sracl.backbones.base import initialise
from sracl.errors import PluginError

if TYPE_CHECKING:
    from torch import Tensor


class Projection(nn.Linear):
    """W h + b within the width of the states, begun like the backbone's own layers.

    Args:
        hidden_size: d, the width of the states.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__(hidden_size, hidden_size)
        initialise(self)

    def forward(self, states: Tensor) -> Tensor:
        """States [..., d] -> [..., d].

        Raises:
            PluginError: The states are of another width.
        """
        if states.shape[-1] != self.in_features:
            raise PluginError(
                f"an objective has hidden_size = {self.in_features}, but the backbone's states are {states.shape[-1]} wide; "
                f"set its hidden_size to {states.shape[-1]} too."
            )
        return super().forward(states)
