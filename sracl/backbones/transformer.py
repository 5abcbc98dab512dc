"""The post-norm Transformer encoder shared by SASRec and its relatives, on packed sequences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from sracl.backbones.attention import attend, attend_last
from sracl.backbones.dropout import Dropout
from sracl.backbones.feed_forward import feed_forward

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.backbones.packing import Packing
    from sracl.interfaces import MaskMode, Want


class Attention(nn.Module):
    """Multi-head self-attention with its output projection, residual and norm.

    Args:
        hidden_size: d.
        num_heads: H; d must be a multiple of it.
        dropout: Probability on the output.
        attention_dropout: Probability on the attention weights.
    """

    def __init__(self, hidden_size: int, num_heads: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.query = nn.Linear(hidden_size, hidden_size)
        self.key_value = nn.Linear(hidden_size, 2 * hidden_size)
        self.output = nn.Linear(hidden_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = Dropout(dropout)
        self.attention_dropout = Dropout(attention_dropout)

    def forward(self, x: Tensor, packing: Packing, biases: Sequence[Tensor], last: Tensor | None) -> Tensor:
        """Tokens [T, d] -> [T, d], or [N, d] for the sorted rows' last tokens only, when their places are given."""
        asking = x if last is None else x[last]
        mixed = self._all(x, packing, biases) if last is None else self._last(x, asking, packing, biases)
        result: Tensor = self.norm(self.dropout.add(self.output(mixed), asking))
        return result

    def _all(self, x: Tensor, packing: Packing, biases: Sequence[Tensor]) -> Tensor:
        """What every token gathers, [T, d]."""
        weight = torch.cat([self.query.weight, self.key_value.weight])
        bias = torch.cat([self.query.bias, self.key_value.bias])
        return attend(functional.linear(x, weight, bias), packing.groups, biases, self.num_heads, self.attention_dropout.rate)

    def _last(self, x: Tensor, asking: Tensor, packing: Packing, biases: Sequence[Tensor]) -> Tensor:
        """What the last token of each row gathers, [N, d]: keys and values are projected after gathering, see `attend_last`.

        The bias of the keys adds the same to all scores of a row and cancels in the softmax.
        """
        heads, size = self.num_heads, x.shape[1] // self.num_heads
        key, value = self.key_value.weight.view(2, heads, size, -1)  # [H, d / H, d] each
        queries = self.query(asking).view(-1, heads, size).transpose(0, 1) @ key / math.sqrt(size)  # [H, N, d]
        mixed, sums = attend_last(x, queries.transpose(0, 1).contiguous(), packing.groups, biases, self.attention_dropout.rate)
        values = (mixed.transpose(0, 1) @ value.transpose(1, 2)).transpose(0, 1)  # [N, H, d / H]
        value_bias = self.key_value.bias[-heads * size :].view(heads, size)
        result: Tensor = (values + sums[:, :, None] * value_bias).flatten(1)
        return result


class FeedForward(nn.Module):
    """Two linear layers with the exact (erf) GELU between, residual and norm.

    Args:
        hidden_size: d.
        inner_size: Width between the layers.
        dropout: Probability on the output.
    """

    def __init__(self, hidden_size: int, inner_size: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(hidden_size, inner_size)
        self.outer = nn.Linear(inner_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens [T, d] -> [T, d]."""
        hidden = feed_forward(x, self.inner.weight, self.inner.bias, self.outer.weight, self.outer.bias)
        result: Tensor = self.norm(self.dropout.add(hidden, x))
        return result


class TransformerEncoder(nn.Module):
    """Layers of attention and feed-forward. Where only last states are wanted, the last layer computes nothing else.

    Args:
        hidden_size: d.
        num_layers: Layers, at least 1.
        num_heads: H.
        inner_size: Width of the feed-forward part.
        dropout: Probability on activations.
        attention_dropout: Probability on attention weights.
    """

    def __init__(
        self, *, hidden_size: int, num_layers: int, num_heads: int, inner_size: int, dropout: float, attention_dropout: float
    ) -> None:
        super().__init__()
        self.attention = nn.ModuleList(Attention(hidden_size, num_heads, dropout, attention_dropout) for _ in range(num_layers))
        self.feed_forward = nn.ModuleList(FeedForward(hidden_size, inner_size, dropout) for _ in range(num_layers))

    def forward(self, x: Tensor, packing: Packing, *, mask: MaskMode, want: Want) -> Tensor:
        """Embedded tokens [T, d] -> states [N, d] (`last`) or [N, C, d] (`all`, zeros at padding), in the caller's order."""
        biases = packing.biases(causal=mask == "causal")
        last = packing.last() if want == "last" else None
        final = len(self.attention) - 1
        for depth, (attention, position_wise) in enumerate(zip(self.attention, self.feed_forward, strict=True)):
            x = position_wise(attention(x, packing, biases, last if depth == final else None))
        return packing.restore(x) if want == "last" else packing.unpack(x)
