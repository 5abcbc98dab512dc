"""The nearest item by who chose both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse

from sracl.data.ranges import end_to_end
from sracl.similarities.nearest import Nearest, rescaled

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.data.samples import SequenceTable
    from sracl.interfaces import SequenceSpec


class ItemCFIUF:
    """Takes the item that is chosen together with each most, where users who choose much count less.

        s(i, j) = Σ_{u ∈ U(i) ∩ U(j)} 1 / ln(1 + |I_u|) / (|U(i)| |U(j)|)^½

    I_u are the distinct items of user u, U(i) the users who have i. Scores are s of all pairs that any user has, moved to [0, 1]
    together. Of items equally near the one with the smallest id is taken.

    Args:
        spec: Item count of the prepared data, and whether MASK, which nothing is like, may be asked for.
        histories: x_1 … x_m of every user, of which all but the last item is read: what the longest training sample reads.

    Source: CoSeRec (Liu et al. 2021, arXiv:2108.06479), and its official code for what is read. Differs from that code, which
        gives an item without a neighbour a random one: it has none here, and augmenters pass over it, because a random item
        teaches that things which have nothing in common are alike.
    """

    def __init__(self, spec: SequenceSpec, histories: SequenceTable) -> None:
        self.nearest = chosen_together(spec, histories)

    def __call__(self, items: Tensor) -> Tensor:
        """The nearest other item of each id, int64 of any shape; 0 where there is none."""
        return self.nearest.items[items]


def chosen_together(spec: SequenceSpec, histories: SequenceTable) -> Nearest:
    """The item of largest s for each, on the device of the histories; found on the CPU, so the same on every device."""
    item, other, similarity = pairs(spec, histories)
    nearest = Nearest.none(spec.table_rows)
    if len(similarity):
        # as float32, or the order in which a sum was formed would decide between equals
        scores = rescaled(similarity, *similarity.aminmax()).float()
        nearest.scores.scatter_reduce_(0, item, scores, "amax")
        best = scores == nearest.scores[item]
        nearest.items.scatter_reduce_(0, item[best], other[best], "amin", include_self=False)
    device = histories.items.device
    return Nearest(nearest.items.to(device), nearest.scores.to(device))


def pairs(spec: SequenceSpec, histories: SequenceTable) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs of different items that some user has, either way round: i and j, int64 [P] each, and s, float64 [P]."""
    # every choice but each user's last
    rows, places = end_to_end(histories.starts.cpu(), histories.stops.cpu() - 1)
    users, items = rows.numpy(), histories.items.cpu()[places].numpy()
    has = sparse.csr_array((np.ones(len(users)), (users, items)), shape=(len(histories), spec.table_rows))
    has.data[:] = 1  # items chosen again had been added up
    sizes = np.diff(has.indptr)  # |I_u| of every user
    weighted = has.copy()
    weighted.data = np.repeat(1 / np.log1p(np.maximum(sizes, 1)), sizes)  # of a user without items nothing is taken
    together = (weighted.T @ has).tocoo()
    different = together.row != together.col
    item, other = together.row[different].astype(np.int64), together.col[different].astype(np.int64)
    counts = has.sum(axis=0)
    similarity = together.data[different] / np.sqrt(counts[item] * counts[other])
    return torch.from_numpy(item), torch.from_numpy(other), torch.from_numpy(similarity)
