"""BERT4Rec: a Transformer that reads in both directions and says what stands where an item is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from sracl.backbones.base import Backbone, initialise
from sracl.backbones.dropout import Dropout
from sracl.backbones.packing import Packing
from sracl.backbones.transformer import TransformerEncoder

if TYPE_CHECKING:
    from sracl.interfaces import MaskMode, Predicts, SequenceSpec, Want


class BERT4Rec(Backbone):
    """A Transformer in which every position sees the whole sequence, so that it is asked for items hidden behind MASK.

        z = the states of `sasrec`'s layers, without its causal mask;  u = LN(gelu(W z + b))
        state = u ‖ 1,   item vector = E_j ‖ c_j,   so that state · item vector = u · E_j + c_j

    The paper's score of an item has a bias c_j. Everything here scores by dot product, losses and rankings alike: with a last
    column, of ones in the states and of the biases in the item table, the bias is part of it. States and item vectors are
    therefore d + 1 wide.

    What follows a history is asked for by a MASK at its end, for which the oldest of L items makes room.

    Args:
        spec: Item count and longest sequence of the prepared data.
        mask_item: The id of MASK, V + 1.
        hidden_size: d, width of an item's embedding; a multiple of num_heads.
        num_layers: Layers of attention and feed-forward.
        num_heads: Attention heads.
        inner_size: Width of the feed-forward part.
        dropout: Probability of zeroing an activation, in [0, 1).
        attention_dropout: Probability of zeroing an attention weight, in [0, 1).

    Raises:
        ValueError: hidden_size is no multiple of num_heads.

    Source: Sun et al. 2019, arXiv:1904.06690; the norm in u as in the official code. Differs from the paper: positions count
    from the last slot, as in `sasrec`, because sequences are padded on the left.
    """

    keeps_causal = False
    predicts: Predicts = "mask"

    def __init__(
        self,
        spec: SequenceSpec,
        mask_item: int,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        num_layers: Annotated[int, Field(ge=1)] = 2,
        num_heads: Annotated[int, Field(ge=1)] = 2,
        inner_size: Annotated[int, Field(ge=1)] = 256,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        attention_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    ) -> None:
        super().__init__(spec)
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size must be a multiple of num_heads, got {hidden_size} and {num_heads}")
        self.mask_item = mask_item
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
        self.head = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.GELU(), nn.LayerNorm(hidden_size, eps=1e-12))
        self.item_bias = nn.Parameter(torch.zeros(spec.num_items))
        initialise(self)

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "bidirectional", want: Want = "last") -> Tensor:
        """Encode left-padded ids, int64 [N, C] with C <= L, as float [N, d + 1] (`last`) or [N, C, d + 1] (`all`).

        Raises:
            ValueError: The mask is not bidirectional.
        """
        if mask != "bidirectional":
            raise ValueError(
                f'bert4rec reads in both directions: it has mask "bidirectional" alone, got "{mask}". Train it with the objective cloze.'
            )
        packing = Packing(items, lengths)
        positions = packing.slots(self.spec.max_length - 1)
        x = self.item_embedding(packing.items) + self.position_embedding(positions)
        x = self.encoder(self.dropout(self.norm(x)), packing, mask=mask, want=want)
        states = functional.pad(self.head(x), (0, 1), value=1.0)
        return states if want == "last" else states * (items != 0)[:, :, None]

    def item_table(self) -> Tensor:
        """Item vectors E ‖ c, float [V + 1, d + 1]; row 0 is zero."""
        return torch.cat([super().item_table(), functional.pad(self.item_bias, (1, 0))[:, None]], dim=1)

    def prepare(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The latest L - 1 items with MASK behind them: int64 [N, C] -> [N, min(C + 1, L)], and lengths likewise."""
        longest = self.spec.max_length
        asking = items.new_full((len(items), 1), self.mask_item)
        return torch.cat([items, asking], dim=1)[:, -longest:], (lengths + 1).clamp(max=longest)
