"""Hidden items of a sequence, told from what surrounds them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import nn

from sracl.objectives.negatives import draw_outside, refuse_full_rows
from sracl.objectives.places import weighted
from sracl.objectives.preference import Link, preference
from sracl.objectives.projection import Projection

if TYPE_CHECKING:
    from sracl.interfaces import Batch, SequenceSpec, Term, ViewPair


class MaskedItem(nn.Module):
    """Prefers, at every hidden position of a sequence, the item that was there to one that the sequence does not hold.

        L = 1/B Σ_t -log σ( f(q_t · E_{x_t}) - f(q_t · E_s) ),   q_t = W h_t + b,   s uniform over 1..V outside the row

    Args:
        spec: Item count and longest sequence of the prepared data.
        generator: Source of the negatives, on the device of the batch.
        views: A pair whose first view hides items and leaves all others in their places, as `masked`, or the name of one
            declared under [[view]], which other objectives share.
        hidden_size: d, width of the backbone's states.
        link: f. The official code compares what is left of scores after a sigmoid; `identity` compares the scores.

    Raises:
        ValueError: A sequence may hold all items.

    Source: S3-Rec (Zhou et al. 2020, arXiv:2008.07873), masked item prediction. Differs from its official code: MASK is
        never a negative.
    """

    compares_states = True

    def __init__(
        self,
        spec: SequenceSpec,
        generator: torch.Generator,
        *,
        views: ViewPair,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        link: Link = "sigmoid",
    ) -> None:
        super().__init__()
        refuse_full_rows(spec.num_items, spec.max_length)
        self.num_items = spec.num_items
        self.generator = generator
        self.views = views
        self.projection = Projection(hidden_size)
        self.link = link

    def term(self, batch: Batch) -> Term:
        """Ask for all states of the first view; the loss of the hidden items against their negatives."""
        view, _ = self.views(batch)
        hidden = (view.items != batch.inputs).float()  # [B, L]
        places = weighted(hidden)  # [P]
        negatives = draw_outside(batch.inputs, self.num_items, batch.inputs.shape[1], self.generator)
        pairs = torch.stack([batch.inputs, negatives], dim=2)  # [B, L, 2]
        encoded = yield [replace(view, want="all")]
        asking = self.projection(encoded[view.key].flatten(0, 1)[places])  # [P, d]
        vectors = F.embedding(pairs.flatten(0, 1)[places], encoded.item_table)  # [P, 2, d]
        positive, negative = (vectors @ asking[:, :, None]).squeeze(2).unbind(1)
        costs = preference(positive, negative, link=self.link)
        return (hidden.flatten()[places] * costs).sum() / len(batch.inputs)
