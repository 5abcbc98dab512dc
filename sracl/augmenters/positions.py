"""How many items of a sequence an augmenter works on, and which: what the random operators share."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import torch

from sracl.data.draws import below

if TYPE_CHECKING:
    from torch import Tensor

_FINEST = 10_000
"""Ratios are read as the nearest fraction with at most this denominator: 0.6 is 3/5, and no float just below it."""


def floor_share(lengths: Tensor, ratio: float) -> Tensor:
    """⌊ratio · n⌋ of each length, int64 [N], in integer arithmetic: a share of 0.29 of 100 items is 29, where floats give 28."""
    share = Fraction(ratio).limit_denominator(_FINEST)
    return lengths * share.numerator // share.denominator


def choose(eligible: Tensor, count: Tensor, generator: torch.Generator) -> Tensor:
    """Distinct slots of each row, every set of them as likely as any other.

    Args:
        eligible: Slots that may be chosen, bool [N, L].
        count: How many to choose, int64 [N]; all that are eligible where they are fewer.
        generator: Source of the draws, on the device of the slots.

    Returns:
        bool [N, L].
    """
    draw = torch.rand(eligible.shape, generator=generator, device=eligible.device).masked_fill(~eligible, 2.0)
    rank = draw.argsort(dim=1).argsort(dim=1)  # of each slot among the draws of its row
    return eligible & (rank < count[:, None])


def choose_start(room: Tensor, generator: torch.Generator) -> Tensor:
    """Where a window begins that may be moved by up to `room` items, int64 [N]: uniform over 0..room, both included."""
    return below(room + 1, generator)
