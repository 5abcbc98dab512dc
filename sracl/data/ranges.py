"""Stretches of one tensor, laid end to end."""

from __future__ import annotations

import torch
from torch import Tensor


def end_to_end(starts: Tensor, stops: Tensor) -> tuple[Tensor, Tensor]:
    """Everything that lies in some ranges, range by range.

    Args:
        starts: Where each begins, int64 [S].
        stops: Where each ends, exclusive, int64 [S]; no smaller than where it begins.

    Returns:
        The range and the place of each, int64 [N] both; what lies between ranges is left out.
    """
    lengths = stops - starts
    ranges = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)
    within = torch.arange(len(ranges), device=lengths.device) - (lengths.cumsum(0) - lengths)[ranges]
    return ranges, starts[ranges] + within
