"""Every stretch of L items of the training parts, some items apart."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from sracl.data import splits
from sracl.samplers.order import Shuffled

if TYPE_CHECKING:
    import torch

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


class Window(Shuffled):
    """Visits every window of the training parts once an epoch, in an order drawn anew.

        windows of x_1 … x_m that end at m, m - s, m - 2s, … down to L, and one that begins at 1;   s = max(1, ⌊step · L⌋)

    A training part of at most L items is one window. For objectives that find what to predict within a row (`cloze`): there are no
    targets, and x_m, which prefixes only ever predict, is read.

    Args:
        generator: Source of the order, on the device of the samples.
        step: Of L, what lies between the ends of two windows, in (0, 1].

    Source: the official code of BERT4Rec (Sun et al. 2019, arXiv:1904.06690), its sliding window; 0.1 is its value for Beauty,
        0.5 that for ML-1M.
    """

    def __init__(self, generator: torch.Generator, *, step: Annotated[float, Field(gt=0, le=1)] = 0.1) -> None:
        super().__init__(generator)
        self.step = step

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """The windows, by user and then by end: Σ (1 + ⌈max(0, m - L) / s⌉) rows, whose targets are 0."""
        apart = max(1, int(Fraction(self.step).limit_denominator(10_000) * max_length))  # 0.29 of 100 is 29, where floats give 28
        trained = interactions.trained
        beyond = np.maximum(trained - max_length, 0)  # items that the last window of a user leaves out
        counts = np.where(trained >= 1, 1 - -beyond // apart, 0)
        users = np.repeat(np.arange(interactions.num_users), counts)
        to_come = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(users))  # windows of the user that end later
        last = np.maximum(trained[users] - apart * to_come, np.minimum(trained[users], max_length))
        return splits.spans(interactions, users, last, max_length)
