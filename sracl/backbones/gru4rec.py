"""GRU4Rec, in the form that later methods compare themselves with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from sracl.backbones.base import Backbone
from sracl.backbones.dropout import Dropout

if TYPE_CHECKING:
    from sracl.interfaces import MaskMode, SequenceSpec, Want


class GRU4Rec(Backbone):
    """A recurrent network over the items a user has seen.

        x = Drop(E[item]);  r = σ(W_ir x + W_hr h);  z = σ(W_iz x + W_hz h);  g = tanh(W_in x + r ∘ W_hn h)
        h ← (1 − z) ∘ g + z ∘ h, from h = 0;  state = W h + b

    Args:
        spec: Item count and longest sequence of the prepared data.
        hidden_size: d, width of an item vector and of a state.
        num_layers: Recurrent layers.
        inner_size: Width of h.
        dropout: Probability of zeroing a value of an item vector, in [0, 1).

    Source: Hidasi et al. 2016, arXiv:1511.06939, section 3.1. Differs from the paper: every prefix of a history is a sample and
    gradients go back to its first item, the loss is that of the recipe over all items, the item vectors are tied, a
    linear layer follows the recurrent ones, which have no biases, and r is applied after the product with W_hn; as in
    RecBole, whose GRU4Rec is the one that these figures are compared with. It is not the session-parallel training of the
    authors' own code, who ask that no other be taken for theirs.
    """

    def __init__(
        self,
        spec: SequenceSpec,
        *,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        num_layers: Annotated[int, Field(ge=1)] = 1,
        inner_size: Annotated[int, Field(ge=1)] = 128,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3,
    ) -> None:
        super().__init__(spec)
        self.item_embedding = nn.Embedding(spec.table_rows, hidden_size, padding_idx=0)
        self.dropout = Dropout(dropout)
        self.gru = nn.GRU(hidden_size, inner_size, num_layers, bias=False, batch_first=True)
        self.output = nn.Linear(inner_size, hidden_size)
        nn.init.xavier_normal_(self.item_embedding.weight)
        with torch.no_grad():
            self.item_embedding.weight[0].zero_()
        for weight in self.gru.parameters():
            nn.init.xavier_uniform_(weight)

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        """Encode left-padded ids, int64 [N, C], as float [N, d] (`last`) or [N, C, d] (`all`, zeros at padding).

        Raises:
            ValueError: The mask is not causal.
        """
        if mask != "causal":
            raise ValueError(f'gru4rec reads from the oldest item to the latest: it has mask "causal" alone, got "{mask}"')
        hidden = self._packed(items, lengths, want) if items.device.type == "cpu" else self._padded(items, want)
        states: Tensor = self.output(hidden)
        return states if want == "last" else states * (items != 0)[:, :, None]

    def _packed(self, items: Tensor, lengths: Tensor, want: Want) -> Tensor:
        """Hidden states after the last item [N, m], or after every one [N, C, m]: a step computes only the rows that reach it."""
        columns = items.shape[1]
        places = torch.arange(columns)
        first = columns - lengths[:, None]
        aligned = items.gather(1, (places + first).clamp(max=columns - 1))  # first items in column 0; no one reads past the lengths
        ids = pack_padded_sequence(aligned, lengths, batch_first=True, enforce_sorted=False)
        vectors = self.dropout(self.item_embedding(ids.data))
        packed, final = self.gru(PackedSequence(vectors, ids.batch_sizes, ids.sorted_indices, ids.unsorted_indices))
        if want == "last":
            last: Tensor = final[-1]
            return last
        every, _ = pad_packed_sequence(packed, batch_first=True, total_length=columns)
        return every.gather(1, (places - first).clamp(min=0)[:, :, None].expand_as(every))

    def _padded(self, items: Tensor, want: Want) -> Tensor:
        """The same over all columns, so that a GPU's shapes do not depend on the lengths.

        Without biases a zero vector leaves h = 0 as it is: g = tanh(0) = 0.
        """
        every: Tensor = self.gru(self.dropout(self.item_embedding(items)) * (items != 0)[:, :, None])[0]
        return every[:, -1] if want == "last" else every
