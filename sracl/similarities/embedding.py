"""The nearest item by the vectors that the model has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.similarities.nearest import Nearest, rescaled

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import SequenceSpec, Snapshot

_PRODUCTS_AT_ONCE = 2**20
"""Scores of a block: 4 MiB, which stay in the cache until their maximum is found. Larger blocks took up to twice as long."""


class Embedding:
    """Takes the item whose vector has the largest dot product with that of each, anew before every epoch.

        s(i, j) = e_i · e_j

    Scores are s of all pairs of different items, moved to [0, 1] together. Of items equally near the one with the smallest id is
    taken. Before the first epoch there are no neighbours.

    Args:
        spec: Item count of the prepared data, and whether MASK, which nothing is like, may be asked for.

    Source: CoSeRec (Liu et al. 2021, arXiv:2108.06479), correlation by representations. Differs from its official code, which
        lets padding and MASK be neighbours and rescales by e_i · e_i too, larger than all else, so that scores come out low.
    """

    def __init__(self, spec: SequenceSpec) -> None:
        self.num_rows = spec.table_rows
        self.nearest: Nearest | None = None

    def __call__(self, items: Tensor) -> Tensor:
        """The nearest other item of each id, int64 of any shape; 0 where there is none."""
        return torch.zeros_like(items) if self.nearest is None else self.nearest.items[items]

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Look the vectors over."""
        self.nearest = alike(snapshot.item_table, self.num_rows)


def alike(item_table: Tensor, num_rows: int) -> Nearest:
    """The item of largest s for each.

    All V² products are formed once, a block of them at a time: 19 GFLOP for 12,101 items of 64 numbers.

    Args:
        item_table: Item vectors, float [V + 1, d]; row 0 is padding and takes no part.
        num_rows: R, V + 1 or more, ids to make a table for.

    Returns:
        A table of R rows on the device of the vectors.
    """
    vectors = item_table[1:]
    nearest = Nearest.none(num_rows, item_table.device)
    count = len(vectors)
    if count < 2:
        return nearest
    least, most, other = [], [], []
    rows = max(1, _PRODUCTS_AT_ONCE // count)
    for start in range(0, count, rows):
        products = vectors[start : start + rows] @ vectors.T
        itself = products.diagonal(start)
        itself.fill_(torch.inf)
        least.append(products.amin())
        itself.fill_(-torch.inf)
        found = products.max(dim=1)
        most.append(found.values)
        other.append(found.indices + 1)
    best = torch.cat(most)
    nearest.items[1 : count + 1] = torch.cat(other)
    nearest.scores[1 : count + 1] = rescaled(best, torch.stack(least).amin(), best.amax())
    return nearest
