"""Scores that are no numbers are told of, and never ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.errors import SraclError

if TYPE_CHECKING:
    from torch import Tensor


def demand_numbers(sums: Tensor) -> None:
    """Refuse scores that are not numbers, by their sums.

    A NaN anywhere makes its sum NaN; compared with anything it would silently count as "not above".

    Raises:
        SraclError: There are some.
    """
    if sums.isnan().any():
        raise SraclError("the model's scores contain NaN; its training has diverged")
