"""Items drawn from those that a sequence does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from sracl.data.draws import below

if TYPE_CHECKING:
    from torch import Tensor


def draw_outside(items: Tensor, num_items: int, count: int, generator: torch.Generator) -> Tensor:
    """Items uniform over those of 1..V that are not in a row, independently of one another.

    A number among the absent items becomes the id by stepping over the row's items in ascending order, so that nothing is
    drawn twice over and no absent item is favoured.

    Args:
        items: int64 [N, L], 0 at padding; ids above V (MASK) are no items.
        num_items: V, more than any row holds; see `refuse_full_rows`.
        count: K, draws a row.
        generator: Source of the draws, on the device of the items.

    Returns:
        int64 [N, K].
    """
    held = items.masked_fill((items < 1) | (items > num_items), num_items + 1).sort(1).values  # [N, L], what is no item last
    distinct = torch.ones_like(held)
    distinct[:, 1:] = held[:, 1:] != held[:, :-1]
    distinct = distinct.cumsum(1)  # [N, L], distinct items up to each
    below_it = held - distinct  # absent items below each item of the row
    absent = num_items - distinct[:, -1:] + (held[:, -1:] > num_items).long()  # [N, 1]
    drawn = below(absent.expand(-1, count), generator)  # [N, K], of the absent ones in ascending order, from 0
    passed = torch.searchsorted(below_it, drawn, right=True)  # slots whose item is stepped over
    return 1 + drawn + functional.pad(distinct, (1, 0)).gather(1, passed)


def refuse_full_rows(num_items: int, longest: int) -> None:
    """See that whatever a row holds, an item is left to draw; called where an objective is made.

    Args:
        num_items: V.
        longest: Items that a row may hold.

    Raises:
        ValueError: A row may hold all items.
    """
    if num_items <= longest:
        raise ValueError(f"a sequence of up to {longest} may hold all {num_items} items, and none is left to be a negative")
