"""From states to what is compared with items, attributes or other states: what pre-training objectives share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from sracl.backbones.base import initialise
from sracl.objectives.width import refuse_other_width

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
        refuse_other_width(self.in_features, states.shape[-1])
        return super().forward(states)
