"""Every prefix of what a model may see of each training part, for objectives that find their targets in the row itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sracl.data import splits
from sracl.samplers.order import Shuffled

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


class HistoryPrefix(Shuffled):
    """Visits, once an epoch in an order drawn anew, every prefix of the latest L items of x_1 … x_m.

    The whole of those items is a row too: what is predicted stands in the row, and nothing that follows is looked at. For
    objectives that hide items and ask for them; one that predicts what comes next has no targets here.

    Args:
        generator: Source of the order, on the device of the samples.

    Source: the pre-training samples of S3-Rec (Zhou et al. 2020, arXiv:2008.07873), as its official code makes them.
    """

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """Items 1 … t of the latest min(m, L) that train, by user and then by t: Σ min(m, L) rows. Targets are 0."""
        trained = interactions.trained
        seen = np.minimum(trained, max_length)  # [U]
        users = np.repeat(np.arange(interactions.num_users), seen)
        place = np.arange(len(users)) - np.repeat(np.cumsum(seen) - seen, seen)  # from 0, within what is seen of the user
        skipped = (trained - seen)[users]
        rows = splits.spans(interactions, users, skipped + 1 + place, max_length)
        # a stretch of a long history would reach back beyond its latest L items
        return replace(rows, starts=interactions.offsets[users] + skipped)
