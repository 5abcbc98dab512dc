"""Views of short sequences made in one way, those of long ones in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Augmenter


class ByLength:
    """Gives sequences of at most θ items to one augmenter and longer ones to another.

    Args:
        threshold: θ, items of the longest sequence that counts as short.
        short: Makes the views of short sequences; without it they stay as they are.
        long: Makes the views of the others.

    Source: CoSeRec (Liu et al. 2021, arXiv:2108.06479), whose short sequences are not cropped or reordered.
    """

    def __init__(self, *, threshold: Annotated[int, Field(ge=1)] = 4, short: Augmenter | None = None, long: Augmenter) -> None:
        self.threshold = threshold
        self.short = short
        self.long = long

    def __call__(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Draw a view of each row of left-padded ids, int64 [N, L], with its length, int64 [N]."""
        short_items, short_lengths = self.short(items, lengths) if self.short else (items, lengths)
        long_items, long_lengths = self.long(items, lengths)
        is_short = lengths <= self.threshold  # [N]
        return torch.where(is_short[:, None], short_items, long_items), torch.where(is_short, short_lengths, long_lengths)
