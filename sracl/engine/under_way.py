"""An epoch between two of its steps, and how a checkpoint keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sracl.engine.checkpoint import below

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass
class UnderWay:
    """An epoch between two of its steps."""

    left: Sequence[Tensor]
    """Sample ids of every step that is still to be made."""
    done: int = 0
    """Steps made."""
    sums: dict[str, Tensor] = field(default_factory=dict)
    """Of the loss and its terms over those steps."""
    seconds: float = 0.0
    """They took."""

    def pack(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors by name, and what else there is, as JSON holds it."""
        left = torch.cat([torch.empty(0, dtype=torch.int64), *(rows.cpu() for rows in self.left)])
        sizes = torch.tensor([len(rows) for rows in self.left], dtype=torch.int64)
        tensors = {"left": left, "sizes": sizes, **{f"sums/{name}": value for name, value in self.sums.items()}}
        return tensors, {"done": self.done, "seconds": self.seconds, "terms": list(self.sums)}

    @classmethod
    def unpack(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], device: torch.device) -> UnderWay:
        """What `pack` has packed, on the run's device."""
        left = tensors["left"].to(device).split(tensors["sizes"].tolist())
        sums = below(tensors, "sums/")
        return cls(left, facts["done"], {name: sums[name].to(device) for name in facts["terms"]}, facts["seconds"])
