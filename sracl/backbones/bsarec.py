"""BSARec: a Transformer whose attention shares each layer with a filter by frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from sracl.backbones.base import Backbone, initialise
from sracl.backbones.dropout import Dropout
from sracl.backbones.frequency_filter import FrequencyFilter, LowPass
from sracl.backbones.packing import Packing
from sracl.backbones.transformer import TransformerEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.interfaces import MaskMode, SequenceSpec, Want


class BSARec(Backbone):
    """SASRec with a filter by frequency beside the attention of every layer.

        y = α F(x) + (1 − α) A(x);  x = LN(y + Drop(W₂ gelu(W₁ y)))
        F(x) = LN(x + Drop(P x + s² ∘ (x − P x))), with P x the ⌊c/2⌋ + 1 lowest frequencies of x along time

    The filter is not causal: every position takes from later ones. Where only the last state is read, nothing is later.

    Args:
        spec: Item count and longest sequence of the prepared data.
        hidden_size: d, width of an item vector; a multiple of num_heads.
        num_layers: Layers of attention, filter and feed-forward.
        num_heads: Attention heads.
        inner_size: Width of the feed-forward part.
        dropout: Probability of zeroing an activation, in [0, 1).
        attention_dropout: Probability of zeroing an attention weight, in [0, 1).
        filter_share: α, what the filter has of a layer, in [0, 1]; the attention has the rest.
        cutoff: c, of which ⌊c/2⌋ + 1 frequencies count as low; a sequence of at most c items has no others.
        filter_over: `real` filters the items there are; `window` the whole padded window, whose padding holds position
            vectors: costs all L positions of every row.

    Raises:
        ValueError: hidden_size is no multiple of num_heads.

    Source: Shin et al. 2024, arXiv:2312.10325, section "Proposed Method". Differs from the paper: by default the filter does not
    run over padding, because no state should depend on how far a row is padded; and with `window`, padding attends to itself
    alone.
    """

    keeps_causal = False

    def __init__(
        self,
        spec: SequenceSpec,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        num_layers: Annotated[int, Field(ge=1)] = 2,
        num_heads: Annotated[int, Field(ge=1)] = 1,
        inner_size: Annotated[int, Field(ge=1)] = 256,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        attention_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        filter_share: Annotated[float, Field(ge=0, le=1)] = 0.7,
        cutoff: Annotated[int, Field(ge=1)] = 5,
        filter_over: Literal["real", "window"] = "real",
    ) -> None:
        super().__init__(spec)
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size must be a multiple of num_heads, got {hidden_size} and {num_heads}")
        self.filter_over = filter_over
        self.item_embedding = nn.Embedding(spec.table_rows, hidden_size, padding_idx=0)
        self.position_embedding = nn.Embedding(spec.max_length, hidden_size)
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = Dropout(dropout)
        self.encoder = TransformerEncoder(
            hidden_size=hidden_size,
            num_layers=num_layers,
            num_heads=num_heads,
            inner_size=inner_size,
            dropout=dropout,
            attention_dropout=attention_dropout,
        )
        low_pass = LowPass(spec.max_length, cutoff, over_padding=filter_over == "window")
        self.encoder.attention = nn.ModuleList(
            FilteredAttention(attention, FrequencyFilter(hidden_size, low_pass, dropout), filter_share)
            for attention in self.encoder.attention
        )
        initialise(self)

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        """Encode left-padded ids, int64 [N, C] with C <= L, as float [N, d] (`last`) or [N, C, d] (`all`).

        Raises:
            ValueError: All states are wanted with a causal mask, which the filter does not keep.
        """
        if mask == "causal" and want == "all":
            raise ValueError(
                "bsarec's filter lets every position see later items, so no state but the last is causal: "
                'train it on prefixes, want "last", or ask for mask "bidirectional"'
            )
        columns = items.shape[1]
        if self.filter_over == "window":
            packing = Packing(functional.pad(items, (self.spec.max_length - columns, 0)), lengths, whole=True)
        else:
            packing = Packing(items, lengths)
        positions = packing.slots(self.spec.max_length - 1)
        x = self.item_embedding(packing.items) + self.position_embedding(positions)
        result: Tensor = self.encoder(self.dropout(self.norm(x)), packing, mask=mask, want=want)
        return result if want == "last" else result[:, -columns:]


class FilteredAttention(nn.Module):
    """Stands where an encoder has `Attention`: (1 − α) of its output, and α of a filter's.

    Args:
        attention: A(x), with its own residual and norm.
        frequency_filter: F(x), likewise.
        filter_share: α.
    """

    def __init__(self, attention: nn.Module, frequency_filter: FrequencyFilter, filter_share: float) -> None:
        super().__init__()
        self.attention = attention
        self.filter = frequency_filter
        self.filter_share = filter_share

    def forward(self, x: Tensor, packing: Packing, biases: Sequence[Tensor], last: Tensor | None) -> Tensor:
        """Tokens [T, d] -> [T, d], or [N, d] for the sorted rows' last tokens only, when their places are given."""
        return torch.lerp(self.attention(x, packing, biases, last), self.filter(x, packing, last), self.filter_share)
