"""What is known of items, as triples that their vectors should bear out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sracl.data.attributes import RELATIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

    def __init__(self, spec: SequenceSpec, item_attributes: ItemAttributes, generator: torch.Generator) -> None:
        super().__init__()
        if not item_attributes.num_values:
            raise ValueError("no two items of this data set share a category or a brand, so there is nothing to relate; leave the term out")
        self.num_items = spec.num_items
        self.generator = generator
        self.values: Tensor
        """Value of each item in each attribute relation, int64 [V + 1, 2]."""
        self.register_buffer("values", torch.from_numpy(item_attributes.single), persistent=False)
        self.holders = nn.ModuleList(_Holders(column, item_attributes.num_values) for column in item_attributes.single.T)

    def term(self, batch: Batch) -> Term:
        """Ask for nothing; the mean over all triples of the batch, in nats: log 2 for a fresh model, 0 without a triple."""
        encoded = yield []
        vectors, relations, values = encoded.item_table, encoded.table("relations"), encoded.table("values")
        heads = batch.targets[:, None].expand(-1, len(RELATIONS))  # [B, 2]
        tails = torch.stack([of(batch.targets, self.generator) for of in self.holders], 1)
        through = relations[1 : 1 + len(RELATIONS)] + values[self.values[batch.targets]]  # [B, 2, d]
        stray = torch.randint(1, self.num_items + 1, heads.shape, generator=self.generator, device=heads.device)
        stray_head = torch.rand(heads.shape, generator=self.generator, device=heads.device) < 0.5

        def score(head: Tensor, tail: Tensor) -> Tensor:
            return (vectors[head] * through * vectors[tail]).sum(2)

        gap = score(heads, tails) - score(torch.where(stray_head, stray, heads), torch.where(stray_head, tails, stray))
        known = tails > 0
        return -(F.logsigmoid(gap) * known).sum() / known.sum().clamp(min=1)


class _Holders(nn.Module):
    """The items of each value of one relation, side by side.

    Args:
        column: Value of every item, int64 [V + 1], 0 where there is none.
        num_values: A.
    """

    def __init__(self, column: NDArray[np.int64], num_values: int) -> None:
        super().__init__()
        value = torch.from_numpy(column.copy())
        order = torch.argsort(value, stable=True)
        size = torch.bincount(value, minlength=num_values + 1)
        size[0] = 0
        self.order: Tensor
        self.place: Tensor
        self.first: Tensor
        self.size: Tensor
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("place", torch.empty_like(order).scatter_(0, order, torch.arange(len(order))), persistent=False)
        self.register_buffer("first", torch.searchsorted(value[order], value), persistent=False)
        self.register_buffer("size", size[value], persistent=False)

    def forward(self, items: Tensor, generator: torch.Generator) -> Tensor:
        """Another item of the same value for each, all equally likely; 0 where there is none: int64 [B]."""
        size, first = self.size[items], self.first[items]
        draw = torch.randint(2**62, items.shape, generator=generator, device=items.device) % (size - 1).clamp(min=1)
        place = first + (self.place[items] - first + 1 + draw) % size.clamp(min=1)
        return torch.where(size > 1, self.order[place], 0)
