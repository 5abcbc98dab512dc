"""Categories and brands of the items of a sequence, read from their states."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sracl.backbones.base import initialise
from sracl.objectives.places import weighted
from sracl.objectives.projection import Projection

if TYPE_CHECKING:
    from sracl.data.attributes import ItemAttributes
    from sracl.interfaces import Batch, Term, ViewPair


class AttributePrediction(nn.Module):
    """Tells, at every position of a sequence with hidden items, which attributes the item there has.

        L = 1/B Σ_t w_t Σ_{a≤A} BCE( T_a · (W h_t + b), [a ∈ A(x_t)] )

    At items that are shown (w = `associated`) this ties them to their attributes; at hidden ones (w = `masked`) the
    attributes are those the neighbourhood calls for. Each of the two has W and b of its own, and both share T: they are one
    objective for its sake. The inner sums are never means, or the number of attributes would weigh one term against another.

    Args:
        item_attributes: A(x), the values of every item.
        views: A pair whose first view hides items and leaves all others in their places, as `masked`, or the name of one
            declared under [[view]], which other objectives share.
        hidden_size: d, width of the backbone's states.
        associated: w at items that are shown.
        masked: w at hidden items.

    Raises:
        ValueError: No attribute is known, or both weights are 0.

    Source: S3-Rec (Zhou et al. 2020, arXiv:2008.07873), associated and masked attribute prediction, as its official code has
        them. Differs from that code: no column for the attribute 0, which no item has.
    """

    compares_states = True
    sets: Tensor

    def __init__(
        self,
        item_attributes: ItemAttributes,
        *,
        views: ViewPair,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        associated: Annotated[float, Field(ge=0)] = 0.2,
        masked: Annotated[float, Field(ge=0)] = 1.0,
    ) -> None:
        super().__init__()
        if item_attributes.num_values == 0:
            raise ValueError(
                "no two items of this data set share a category or a brand, so that there are no attributes to predict; "
                "weight = 0.0 on this objective trains without, by items and segments alone"
            )
        if associated == masked == 0:
            raise ValueError("with associated = 0.0 and masked = 0.0 nothing is predicted; set the objective's weight to 0.0 instead")
        self.views = views
        self.associated = associated
        self.masked = masked
        # follows the module to its device, but belongs to the data: not saved
        self.register_buffer("sets", torch.from_numpy(item_attributes.sets), persistent=False)  # [V + 1, M]
        self.attributes = nn.Embedding(item_attributes.num_values + 1, hidden_size, padding_idx=0)  # T, of values from 1
        initialise(self.attributes)
        self.of_shown = Projection(hidden_size)
        self.of_hidden = Projection(hidden_size)

    def term(self, batch: Batch) -> Term:
        """Ask for all states of the first view; the loss of what they tell of attributes."""
        view, _ = self.views(batch)
        hidden = view.items != batch.inputs  # [B, L]
        shown = (batch.inputs > 0) & ~hidden
        weights = self.associated * shown + self.masked * hidden
        places = weighted(weights)  # [P]
        encoded = yield [replace(view, want="all")]
        states = encoded[view.key].flatten(0, 1)[places]  # [P, d]
        projected = torch.where(hidden.flatten()[places, None], self.of_hidden(states), self.of_shown(states))
        costs = self._costs(projected, self.sets[batch.inputs.flatten()[places]])
        return (weights.flatten()[places] * costs).sum() / len(batch.inputs)

    def _costs(self, projected: Tensor, own: Tensor) -> Tensor:
        """Binary cross-entropy of all attributes, summed, float [P], from vectors [P, d] and each item's own [P, M].

        Σ_a log(1 + e^{x_a}) - Σ_{a own} x_a; the second sum is the product with Σ_{a own} T_a, so that no row of labels as wide
        as all attributes is ever made.
        """
        logits = projected @ self.attributes.weight[1:].T  # [P, A]
        together: Tensor = self.attributes(own).sum(1)  # [P, d]
        return F.softplus(logits).sum(1) - (projected * together).sum(1)
