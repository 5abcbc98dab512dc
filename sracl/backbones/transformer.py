"""The post-norm Transformer encoder shared by SASRec and its relatives, on packed sequences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from sracl.backbones.dropout import Dropout

if TYPE_CHECKING:
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

    def forward(self, x: Tensor, packing: Packing, masks: list[Tensor], last: Tensor | None) -> Tensor:
        """Tokens [T, d] -> [T, d], or [N, d] for the sorted rows' last tokens only, when their places are given."""
        asking = x if last is None else x[last]
        queries = self.query(asking)
        keys_values = self.key_value(x)
        if last is None:
            query_blocks = [block for _, block in packing.split(queries)]
        else:
            query_blocks = [part[:, None] for part in queries.split([group.rows for group in packing.groups])]
        mixed = []
        for query, (group, key_value), mask in zip(query_blocks, packing.split(keys_values), masks, strict=True):
            rows, width, heads = group.rows, group.width, self.num_heads
            q = query.view(rows, -1, heads, query.shape[-1] // heads).transpose(1, 2)  # [rows, H, queries, d / H]
            k, v = key_value.view(rows, width, 2, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)  # [rows, H, width, d / H]
            scores = (q @ k.transpose(-1, -2)) / math.sqrt(q.shape[-1])
            scores = scores.masked_fill(mask if last is None else mask[:, :, -1:], float("-inf"))
            weights = self.attention_dropout(scores.softmax(-1))
            mixed.append((weights @ v).transpose(1, 2).reshape(-1, query.shape[-1]))
        result: Tensor = self.norm(asking + self.dropout(self.output(torch.cat(mixed))))
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
        result: Tensor = self.norm(x + self.dropout(self.outer(functional.gelu(self.inner(x)))))
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
        masks = packing.masks(causal=mask == "causal")
        last = packing.last() if want == "last" else None
        final = len(self.attention) - 1
        for depth, (attention, feed_forward) in enumerate(zip(self.attention, self.feed_forward, strict=True)):
            x = feed_forward(attention(x, packing, masks, last if depth == final else None))
        return packing.restore(x) if want == "last" else packing.unpack(x)
