"""Views that are each made by one of several augmenters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sracl.interfaces import Augmenter


class Choice:
    """Makes the view of each sequence by one of several augmenters, drawn uniformly and anew for every row and call.

    All of them work on all rows and each row takes what was drawn for it: to sort rows out, the host would wait for a GPU.

    Args:
        generator: Source of the draws, on the device of the items.
        augmenters: What is drawn from, one or more.

    Raises:
        ValueError: There is no augmenter.

    Source: the independent draws of CoSeRec (Liu et al. 2021, arXiv:2108.06479).
    """

    def __init__(self, generator: torch.Generator, *, augmenters: Annotated[tuple[Augmenter, ...], Field(min_length=1)]) -> None:
        if not augmenters:
            raise ValueError("augmenters must hold at least one, got none")
        self.generator = generator
        self.augmenters = augmenters

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L], with its length, int64 [N]."""
        which = torch.randint(len(self.augmenters), lengths.shape, generator=self.generator, device=lengths.device)
        return pick([augmenter(items, lengths) for augmenter in self.augmenters], which)


def pick(views: Sequence[tuple[Tensor, Tensor]], which: Tensor) -> tuple[Tensor, Tensor]:
    """Take each row from the view that `which`, int64 [N], names: ids [N, L] and lengths [N]."""
    rows = torch.arange(len(which), device=which.device)
    items = torch.stack([items for items, _ in views])  # [M, N, L]
    lengths = torch.stack([lengths for _, lengths in views])  # [M, N]
    return items[which, rows], lengths[which, rows]
