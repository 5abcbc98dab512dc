"""Attention between two views of the same sequences, on packed tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sracl.backbones.attention import attend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.backbones.packing import Packing


class CrossAttention(nn.Module):
    """Of each view, what the other one asks for: neither residual nor norm.

        X' = W_O Attn(Q = Y W_Q, K = X W_K, V = X W_V);  Y' likewise, with X and Y exchanged and weights of its own

    Both directions are one call of `attend`, as twice the heads side by side.

    Args:
        hidden_size: d; a multiple of num_heads.
        num_heads: H, in each direction.
    """

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        # of each view: its keys, its values, and what it asks of the other
        self.first = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.second = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.first_output = nn.Linear(hidden_size, hidden_size)
        self.second_output = nn.Linear(hidden_size, hidden_size)

    def forward(self, first: Tensor, second: Tensor, packing: Packing, biases: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Tokens of both views, float [T, d] each -> what was gathered of the first and of the second, [T, d] each."""
        first_keys, first_values, of_second = self.first(first).chunk(3, dim=1)
        second_keys, second_values, of_first = self.second(second).chunk(3, dim=1)
        together = torch.cat([of_first, of_second, first_keys, second_keys, first_values, second_values], dim=1)  # [T, 6d]
        gathered = attend(together, packing.groups, biases, 2 * self.num_heads, 0.0)  # [T, 2d]
        from_first, from_second = gathered.chunk(2, dim=1)
        return self.first_output(from_first), self.second_output(from_second)
