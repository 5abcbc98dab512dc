"""Latent relations between items, found by letting them explain what follows a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from sracl.objectives.negatives import draw_outside, refuse_full_rows
from sracl.objectives.width import refuse_other_width

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Batch, Encoded, SequenceSpec, Term


class RelationDiscovery(nn.Module):
    """Infers from texts how an item of the history is related to the next one, and asks the relation to tell it from others.

        π_hi = softmax(W₂ [W₁ q_h ; W₁ q_i]),   w_k = π_hik r_k,   φ_k(h, i) = ⟨e_h ∘ w_k, e_i⟩ + ⟨e_h, w_k⟩ + ⟨e_i, w_k⟩
        l = -mean_{b,k} log( mean_h σ(φ_k(h, i) - φ_k(h⁻, i)) ) + α_H mean_{b,h,k}( -π log π )

    q are frozen vectors of the items' texts, e the item vectors that the backbone trains, h⁻ an item that the history does not
    hold, in the place of h and with its π. Nothing is encoded: the term goes with any backbone.

    Args:
        spec: Item count and longest sequence of the prepared data.
        item_vectors: q, semantic vectors, float32 [V + 1, e].
        generator: Source of the h⁻, on the device of the batch.
        relations: Where r comes from: `own` vectors, or the `backbone`, if it has relations (`lrd`).
        num_relations: R; with `backbone` as many as that has, 3 and its latent ones in `lrd`.
        hidden_size: d, the width of the backbone's item vectors; None: that of the backbone's relations, or 64 for own ones.
        text_size: Width of W₁ q.
        entropy_weight: α_H; positive prefers relations that are sure, negative such as are spread.

    Raises:
        ValueError: A sequence may hold all items; or (at the first step) the backbone has other relations than asked for.
        PluginError: hidden_size is not the width of the item vectors (at the first step).

    Source: LRD (Yang et al. 2024, arXiv:2403.18348), its discrete variational autoencoder. The sign of the entropy is that of the
        code; a lower bound of the likelihood would have the other.
    """

    reads_targets = "one"

    def __init__(
        self,
        spec: SequenceSpec,
        item_vectors: Tensor,
        generator: torch.Generator,
        *,
        relations: Literal["own", "backbone"] = "own",
        num_relations: Annotated[int, Field(ge=1)] = 8,
        hidden_size: Annotated[int, Field(ge=1)] | None = None,
        text_size: Annotated[int, Field(ge=1)] = 64,
        entropy_weight: float = 0.1,
    ) -> None:
        super().__init__()
        refuse_full_rows(spec.num_items, spec.max_length)
        self.num_items = spec.num_items
        self.generator = generator
        self.hidden_size = hidden_size
        self.entropy_weight = entropy_weight
        self.item_vectors: Tensor
        self.register_buffer("item_vectors", item_vectors, persistent=False)
        self.relation_embedding = nn.Embedding(num_relations, hidden_size or 64) if relations == "own" else None
        if self.relation_embedding is not None:
            nn.init.normal_(self.relation_embedding.weight, std=0.02)
        self.read = nn.Linear(item_vectors.shape[1], text_size)
        self.relate_past = nn.Linear(text_size, num_relations)
        self.relate_next = nn.Linear(text_size, num_relations, bias=False)

    def term(self, batch: Batch) -> Term:
        """Ask for nothing; the term, in nats: about log 2 for a fresh model, and α_H (log R) / R."""
        encoded = yield []
        vectors, relations = encoded.item_table, self._relations(encoded)
        past, real = batch.inputs, batch.inputs > 0  # [B, L]
        other = draw_outside(past, self.num_items, past.shape[1], self.generator)
        shares = self._shares(past, batch.targets)  # [B, L, R]
        # φ(h) - φ(h⁻) = π_k ⟨e_h - e_h⁻, r_k ∘ e_i + r_k⟩: what does not hold h cancels
        towards = relations * (vectors[batch.targets] + 1)[:, None, :]  # [B, R, d]
        gained = shares * ((vectors[past] - vectors[other]) @ towards.transpose(1, 2))
        count = real.sum(1)[:, None]
        explained = (torch.sigmoid(gained) * real[:, :, None]).sum(1) / count  # [B, R]
        spread = torch.special.entr(shares)[real].mean()
        term: Tensor = self.entropy_weight * spread - explained.clamp(min=1e-10).log().mean()
        return term

    def _shares(self, past: Tensor, targets: Tensor) -> Tensor:
        """π, float [B, L, R]."""
        of_past, of_next = self.read(self.item_vectors[past]), self.read(self.item_vectors[targets])
        shares: Tensor = (self.relate_past(of_past) + self.relate_next(of_next)[:, None, :]).softmax(2)
        return shares

    def _relations(self, encoded: Encoded) -> Tensor:
        """r, float [R, d].

        Raises:
            ValueError: They are not as many as asked for.
            PluginError: hidden_size, or their width where none is given, is not that of item vectors.
        """
        found = encoded.table("relations") if self.relation_embedding is None else self.relation_embedding.weight
        refuse_other_width(self.hidden_size or found.shape[1], encoded.item_table.shape[1], objective="relation_discovery")
        if len(found) != self.relate_past.out_features:
            raise ValueError(
                f"relation_discovery has num_relations = {self.relate_past.out_features}, but the backbone has {len(found)} relations"
            )
        return found
