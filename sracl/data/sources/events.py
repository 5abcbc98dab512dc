"""Who chose what and when, as a source has it: before anything is dropped or sorted."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import NDArray


Row: TypeAlias = "tuple[str, str, int | float | None] | tuple[str, str, int | float | None, float | None]"
"""User, item, time, and what decides whether it counts."""


@dataclass(frozen=True, eq=False)
class Events:
    """Interactions in the order of their file."""

    user_names: tuple[str, ...]
    item_names: tuple[str, ...]
    users: NDArray[np.int64]
    """Index into `user_names`, int64 [N]."""
    items: NDArray[np.int64]
    """Index into `item_names`, int64 [N]."""
    times: NDArray[Any] | None
    """Seconds since 1970, int64 or float64 [N]; None where the source has no times and its order is all there is."""
    values: NDArray[np.float64] | None = None
    """What decides whether they count, float64 [N]; None where that was not asked for."""

    @classmethod
    def of(cls, rows: Iterable[Row]) -> Events:
        """Number the names of rows as they come; either every row has a time or none has, and so with values."""
        users, items = array("q"), array("q")
        times: list[int | float] = []
        user_numbers: dict[str, int] = {}
        item_numbers: dict[str, int] = {}
        values = array("d")
        for user, item, time, *value in rows:
            users.append(user_numbers.setdefault(user, len(user_numbers)))
            items.append(item_numbers.setdefault(item, len(item_numbers)))
            if time is not None:
                times.append(time)
            values.extend(each for each in value if each is not None)
        return cls(
            user_names=tuple(user_numbers),
            item_names=tuple(item_numbers),
            users=np.array(users, dtype=np.int64),
            items=np.array(items, dtype=np.int64),
            times=np.array(times) if times else None,
            values=np.array(values) if values else None,
        )

    def __len__(self) -> int:
        """N."""
        return len(self.users)

    def where(self, chosen: NDArray[Any]) -> Events:
        """Some of the events: a mask, bool [N], or indices in the order wanted, int64."""
        times, values = (None if column is None else column[chosen] for column in (self.times, self.values))
        return replace(self, users=self.users[chosen], items=self.items[chosen], times=times, values=values)
