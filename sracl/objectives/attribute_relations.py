"""What is known of items, as triples that their vectors should bear out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sracl.data.attributes import RELATIONS
from sracl.data.samples import SameTarget

if TYPE_CHECKING:
    from sracl.data.attributes import ItemAttributes
    from sracl.interfaces import Batch, SequenceSpec, Term


class AttributeRelations(nn.Module):
    """Places pairs of items that share an attribute value above pairs in which one of the two is any item.

        s(i, k, j) = ⟨e_i ∘ (r_k + v_ik), e_j⟩,   l = -log σ( s(i, k, j) - s⁻ )

    For every target of the batch and every attribute relation k in which it has a value, j is another item of that value; in s⁻
    i or j, either equally likely, is drawn from all items. Needs a backbone with relations and values (`lrd`).

    Args:
        spec: Item count of the prepared data.
        item_attributes: Categories and brands; at least one value.
        generator: Source of the draws, on the device of the batch.

    Raises:
        ValueError: The data set knows no attribute that two items share.

    Source: the knowledge-graph loss of LRD (Yang et al. 2024, arXiv:2403.18348), with DistMult (Yang et al. 2015, arXiv:1412.6575)
        as its score. Differs from it: triples are drawn for the items of the batch, not from a list of all.
    """

    reads_targets = "one"

    def __init__(self, spec: SequenceSpec, item_attributes: ItemAttributes, generator: torch.Generator) -> None:
        super().__init__()
        if not item_attributes.num_values:
            raise ValueError("no two items of this data set share a category or a brand, so there is nothing to relate; leave the term out")
        self.num_items = spec.num_items
        self.generator = generator
        self.values: Tensor
        """Value of each item in each attribute relation, int64 [V + 1, 2]."""
        self.register_buffer("values", torch.from_numpy(item_attributes.single), persistent=False)
        values = self.values.to(generator.device)
        alone = item_attributes.num_values + 1 + torch.arange(len(values), device=values.device)  # an item without a value has its own
        self.partners = [SameTarget(torch.where(column > 0, column, alone)) for column in values.T]

    def term(self, batch: Batch) -> Term:
        """Ask for nothing; the mean over all triples of the batch, in nats: log 2 for a fresh model, 0 without a triple."""
        encoded = yield []
        vectors, relations, values = encoded.item_table, encoded.table("relations"), encoded.table("values")
        heads = batch.targets[:, None].expand(-1, len(RELATIONS))  # [B, 2]
        tails = torch.stack([of.draw(batch.targets, self.generator) for of in self.partners], 1)
        through = relations[1 : 1 + len(RELATIONS)] + values[self.values[batch.targets]]  # [B, 2, d]
        stray = torch.randint(1, self.num_items + 1, heads.shape, generator=self.generator, device=heads.device)
        stray_head = torch.rand(heads.shape, generator=self.generator, device=heads.device) < 0.5

        def score(head: Tensor, tail: Tensor) -> Tensor:
            return (vectors[head] * through * vectors[tail]).sum(2)

        gap = score(heads, tails) - score(torch.where(stray_head, stray, heads), torch.where(stray_head, tails, stray))
        known = tails != heads  # an item that is alone with its value is drawn for itself
        return -(F.logsigmoid(gap) * known).sum() / known.sum().clamp(min=1)
