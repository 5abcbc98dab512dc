"""Who chose what and when, as a source has it: before anything is dropped or sorted."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import NDArray


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

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, int | float | None]]) -> Events:
        """Number the names of rows (user, item, time) as they come; either every row has a time or none has."""
        users, items = array("q"), array("q")
        times: list[int | float] = []
        user_numbers: dict[str, int] = {}
        item_numbers: dict[str, int] = {}
        for user, item, time in rows:
            users.append(user_numbers.setdefault(user, len(user_numbers)))
            items.append(item_numbers.setdefault(item, len(item_numbers)))
            if time is not None:
                times.append(time)
        return cls(
            user_names=tuple(user_numbers),
            item_names=tuple(item_numbers),
            users=np.array(users, dtype=np.int64),
            items=np.array(items, dtype=np.int64),
            times=np.array(times) if times else None,
        )

    def __len__(self) -> int:
        """N."""
        return len(self.users)

    def where(self, chosen: NDArray[Any]) -> Events:
        """Some of the events: a mask, bool [N], or indices in the order wanted, int64."""
        return replace(self, users=self.users[chosen], items=self.items[chosen], times=None if self.times is None else self.times[chosen])
