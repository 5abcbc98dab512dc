"""Contrast between two views of one sequence, each made by an operator of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sracl.augmenters.choice import pick
from sracl.interfaces import Request

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, Batch, ContrastiveLoss, Term


class ViewContrast(nn.Module):
    """Draws two augmenters for each sequence and pulls the views they make together, away from those of the others.

        L = l( h(a_i(x)), h(a_j(x)) ),   (i, j) a uniform ordered pair of M augmenters, i ≠ j where they are distinct

    Every augmenter works on the whole batch once (twice where the two may coincide), and each row takes what was drawn for
    it. Where one augmenter makes both views, `intra_sequence` does.

    Args:
        generator: Source of the draws, on the device of the batch.
        augmenters: The M augmenters to draw from.
        distinct: Make the two views of a sequence by two different augmenters; otherwise the two are drawn independently.
        loss: Contrast of the first view (anchor) with the second (positive).

    Raises:
        ValueError: There are fewer augmenters than are to be drawn.

    Source: CL4SRec (Xie et al. 2022, arXiv:2010.14395). That the two are different is the rule of its
        implementation beside DuoRec, in which it is mostly compared.
    """

    def __init__(
        self, generator: torch.Generator, *, augmenters: tuple[Augmenter, ...], distinct: bool = True, loss: ContrastiveLoss
    ) -> None:
        super().__init__()
        needed = 2 if distinct else 1
        if len(augmenters) < needed:
            raise ValueError(f"augmenters must hold at least {needed} with distinct = {str(distinct).lower()}, got {len(augmenters)}")
        self.generator = generator
        self.augmenters = augmenters
        self.distinct = distinct
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for `view_a` and `view_b`; the loss between their last states."""
        first, second = self._draw(batch.lengths)
        made = self._views(batch)
        others = made if self.distinct else self._views(batch)
        encoded = yield [Request("view_a", *pick(made, first)), Request("view_b", *pick(others, second))]
        return self.loss(encoded["view_a"], encoded["view_b"])

    def _views(self, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """The batch as each augmenter sees it."""
        return [augmenter(batch.inputs, batch.lengths) for augmenter in self.augmenters]

    def _draw(self, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of the two augmenters of each row, int64 [B] each."""
        count, shape, device = len(self.augmenters), lengths.shape, lengths.device
        first = torch.randint(count, shape, generator=self.generator, device=device)
        if not self.distinct:
            return first, torch.randint(count, shape, generator=self.generator, device=device)
        step = torch.randint(count - 1, shape, generator=self.generator, device=device)
        return first, (first + 1 + step) % count
