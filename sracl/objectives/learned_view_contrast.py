"""Contrast between two views of one sequence and what two small networks make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from sracl.objectives.contrastive_regularisation import contrastive_regularisation
from sracl.objectives.width import refuse_other_width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.interfaces import Batch, ContrastiveLoss, Term, ViewPair


class LearnedViewContrast(nn.Module):
    """Pulls two views of each sequence towards further views that two learned augmenters make of them, and these together.

        h¹ = f(v₁(x)),   h² = f(v₂(x)),   m¹ = g₁(h¹),   m² = g₂(h²)
        g(h) = u / |u|,   u = W₃ gelu(W₂ gelu(W₁ h + b₁) + b₂) + b₃
        L = l(h¹, m²) + l(h², m¹) + l(m¹, m²) + ρ ( R(h¹, m²) + R(h², m¹) + R(m¹, m²) )

    h¹ and h² themselves are the business of `view_contrast`. g₁ and g₂ begin as torch draws linear layers; they are trained
    with the backbone, or by updates of their own where [[train.phase]] says so. R is `contrastive_regularisation`, meant to
    keep the augmenters from making a contrast so easy that it teaches the backbone nothing.

    Args:
        views: Makes the pair, or the name of one declared under [[view]].
        loss: l. It is given h as it is and m of length 1, so that a dot product weighs the pairs differently.
        hidden_size: d, width of the states, which is the backbone's hidden_size.
        inner_sizes: Widths of the hidden layers of g₁ and g₂.
        regularisation: ρ, the share of R; 0 leaves it out.

    Source: MCLRec (Qin et al. 2023, arXiv:2304.07763), equations 5, 9 and 13; ρ is γ / β there. Differs from the paper, which
        regularises m¹ and m² only and does not scale m: both are those of the official code, to which the published weights
        refer.
    """

    compares_states = True

    def __init__(
        self,
        *,
        views: ViewPair,
        loss: ContrastiveLoss,
        hidden_size: Annotated[int, Field(ge=1)] = 64,
        inner_sizes: tuple[Annotated[int, Field(ge=1)], ...] = (32, 16),
        regularisation: Annotated[float, Field(ge=0)] = 0.1,
    ) -> None:
        super().__init__()
        self.views = views
        self.loss = loss
        self.hidden_size = hidden_size
        self.regularisation = regularisation
        sizes = (hidden_size, *inner_sizes, hidden_size)
        self.augmenters = nn.ModuleList([_augmenter(sizes), _augmenter(sizes)])

    def term(self, batch: Batch) -> Term:
        """Ask for both views; the loss between all but those two of what was encoded and what was made of it.

        Raises:
            PluginError: The states are not `hidden_size` wide.
        """
        pair = self.views(batch)
        encoded = yield pair
        first, second = (encoded[request.key] for request in pair)  # [B, d]
        made_of_first, made_of_second = self._augment(first, second)
        pairs = [(first, made_of_second), (second, made_of_first), (made_of_first, made_of_second)]
        contrast = torch.stack([self.loss(*sides) for sides in pairs]).sum()
        if self.regularisation == 0:
            return contrast
        return contrast + self.regularisation * torch.stack([contrastive_regularisation(*sides) for sides in pairs]).sum()

    def _augment(self, *views: Tensor) -> list[Tensor]:
        """What its augmenter makes of each view, of length 1."""
        refuse_other_width(self.hidden_size, views[0].shape[1], objective="learned_view_contrast")
        return [F.normalize(augmenter(states), dim=1) for augmenter, states in zip(self.augmenters, views, strict=True)]


def _augmenter(sizes: Sequence[int]) -> nn.Sequential:
    """A network of these widths, GELU between its layers."""
    layers: list[nn.Module] = []
    for before, after in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(before, after), nn.GELU()]
    return nn.Sequential(*layers[:-1])
