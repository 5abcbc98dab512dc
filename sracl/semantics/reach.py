"""How far into each user's history something has read: what a leak is told by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


def reach(interactions: Interactions, prefixes: Prefixes) -> NDArray[np.int32]:
    """Highest position of each user that these rows read, int32 [U], counted from 1; 0 where they read nothing of a user."""
    highest = np.zeros(interactions.num_users, dtype=np.int32)
    np.maximum.at(highest, prefixes.users, prefixes.visible.astype(np.int32))
    return highest


def beyond_training(interactions: Interactions, reached: NDArray[np.int32]) -> int:
    """How far beyond the last training interaction of their user the furthest of these positions is.

    Returns:
        0 or less: training only. Where one is left out, 1: the validation interaction x_{n-1} of some user, 2: a test interaction.
    """
    read = reached > 0
    if not read.any():
        return -interactions.num_interactions
    return int((reached - interactions.trained)[read].max())
