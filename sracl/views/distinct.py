"""Two views of each sequence, made by two different operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

from sracl.augmenters.choice import pick
from sracl.interfaces import Request

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, Batch


class Distinct:
    """Draws two different augmenters for each sequence, one for each view; all ordered pairs are equally likely.

    Every augmenter works on the whole batch once, and each row takes what was drawn for it.

    Args:
        generator: Source of the draws, on the device of the batch.
        augmenters: What is drawn from, at least two.
        shortest: Sequences of fewer items are both views as they are, 1 or more.

    Raises:
        ValueError: There are fewer than two augmenters.

    Source: CL4SRec (Xie et al. 2022, arXiv:2010.14395). That the two are different is the rule of its implementation
        beside DuoRec, in which it is mostly compared.
    """

    def __init__(
        self,
        generator: torch.Generator,
        *,
        augmenters: Annotated[tuple[Augmenter, ...], Field(min_length=2)],
        shortest: Annotated[int, Field(ge=1)] = 2,
    ) -> None:
        if len(augmenters) < 2:
            raise ValueError(f"augmenters must hold at least 2, got {len(augmenters)}")
        self.generator = generator
        self.augmenters = augmenters
        self.shortest = shortest

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        """Draw `first` and `second`, a view of every row each."""
        count, shape, device = len(self.augmenters), batch.lengths.shape, batch.lengths.device
        first = torch.randint(count, shape, generator=self.generator, device=device)
        second = (first + 1 + torch.randint(count - 1, shape, generator=self.generator, device=device)) % count
        # the sequence itself is the last of what can be picked
        made = [*(augmenter(batch.inputs, batch.lengths) for augmenter in self.augmenters), (batch.inputs, batch.lengths)]
        one, other = (pick(made, torch.where(batch.lengths < self.shortest, count, which)) for which in (first, second))
        return Request("first", *one), Request("second", *other)
