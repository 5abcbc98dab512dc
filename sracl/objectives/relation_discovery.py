"""Latent relations between items, found by letting them explain what follows a history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from sracl.objectives.negatives import draw_outside, refuse_full_rows
from sracl.objectives.places import weighted
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
        relations, real = self._relations(encoded), batch.inputs > 0  # [B, L]
        other = draw_outside(batch.inputs, self.num_items, batch.inputs.shape[1], self.generator)
        places = weighted(real)  # [P]
        row, counted = places // real.shape[1], real.flatten()[places, None]
        past = batch.inputs.flatten()[places]
        vectors = functional.embedding(torch.cat([past, other.flatten()[places], batch.targets]), encoded.item_table)
        of_past, of_other, of_next = vectors.split([len(places), len(places), len(batch.targets)])
        shares = self._shares(past, batch.targets, row)  # [P, R]
        # φ(h) - φ(h⁻) = π_k ⟨(e_h - e_h⁻) ∘ (e_i + 1), r_k⟩: what does not hold h cancels
        gained = shares * (((of_past - of_other) * functional.embedding(row, of_next + 1)) @ relations.T)
        held = gained.new_zeros(real.numel(), len(relations)).index_copy(0, places, gained.sigmoid() * counted)
        explained = held.view(*real.shape, -1).sum(1) / real.sum(1)[:, None]  # [B, R]
        spread = (torch.special.entr(shares) * counted).sum() / (real.sum() * len(relations))
        term: Tensor = self.entropy_weight * spread - explained.clamp(min=1e-10).log().mean()
        return term

    def _shares(self, past: Tensor, targets: Tensor, row: Tensor) -> Tensor:
        """π of the items of histories [P] and what follows them, targets [B] by row [P]: float [P, R].

        W₂ W₁ is multiplied first: R rows then meet every text, in place of as many as W₁ has.
        """
        of_past = functional.linear(functional.embedding(past, self.item_vectors), self.relate_past.weight @ self.read.weight)
        of_next = self.relate_next(self.read(self.item_vectors[targets]))
        constant = self.relate_past(self.read.bias)  # b₁ and b₂ after W₂
        shares: Tensor = (of_past + functional.embedding(row, of_next + constant)).softmax(1)
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
