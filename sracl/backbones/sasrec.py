"""SASRec, in the form every contrastive method since 2020 builds on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from torch import Tensor, nn

from sracl.backbones.base import Backbone, initialise
from sracl.backbones.dropout import Dropout
from sracl.backbones.packing import Packing
from sracl.backbones.transformer import TransformerEncoder

if TYPE_CHECKING:
    from sracl.interfaces import MaskMode, SequenceSpec, Want


class SASRec(Backbone):
    """A causal Transformer over the items a user has seen.

        x = Drop(LN(E[items] + P[positions]));  then per layer  x = LN(x + Drop(MHA(x)));  x = LN(x + Drop(W₂ gelu(W₁ x)))

    Positions count from the last slot: the latest item always has position L − 1, so padding may be trimmed freely.

    Args:
        spec: Item count and longest sequence of the prepared data.
        hidden_size: d, width of an item vector; a multiple of num_heads.
        num_layers: Layers of attention and feed-forward.
        num_heads: Attention heads.
        inner_size: Width of the feed-forward part.
        dropout: Probability of zeroing an activation, in [0, 1).
        attention_dropout: Probability of zeroing an attention weight, in [0, 1).
        sparse_gradients: Give the item table a sparse gradient of the rows read; of use with a loss that gives one too
            (`sampled_softmax`) and an optimizer that takes one (`lazy_adam`), from about 100,000 items.

    Raises:
        ValueError: hidden_size is no multiple of num_heads, or sparse gradients are wanted of a table with a MASK.

    Source: Kang and McAuley 2018, arXiv:1808.09781, section III. Differs from the paper: post-norm, an output projection,
    GELU and a feed-forward part of width 4d, as in the code of DuoRec, CL4SRec and SRA-CL, whose figures are compared.
    """

    def __init__(
        self,
        spec: SequenceSpec,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        num_layers: Annotated[int, Field(ge=1)] = 2,
        num_heads: Annotated[int, Field(ge=1)] = 2,
        inner_size: Annotated[int, Field(ge=1)] = 256,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        attention_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        sparse_gradients: bool = False,
    ) -> None:
        super().__init__(spec)
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size must be a multiple of num_heads, got {hidden_size} and {num_heads}")
        if sparse_gradients and spec.has_mask:
            raise ValueError("sparse_gradients is for recipes without a MASK: a table with a row that is no item has no sparse gradient")
        self.item_embedding = nn.Embedding(spec.table_rows, hidden_size, padding_idx=0, sparse=sparse_gradients)
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
        initialise(self)

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        """Encode left-padded ids, int64 [N, C] with C <= L, as float [N, d] (`last`) or [N, C, d] (`all`)."""
        packing = Packing(items, lengths)
        positions = packing.slots(self.spec.max_length - 1)
        x = self.item_embedding(packing.items) + self.position_embedding(positions)
        result: Tensor = self.encoder(self.dropout(self.norm(x)), packing, mask=mask, want=want)
        return result
