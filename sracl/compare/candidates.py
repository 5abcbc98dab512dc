"""How many items each user's target is ranked among where seen ones are excluded: of the ranks, or of the data set at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import DataError, SraclError
from sracl.evaluation import rank_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from sracl.compare.board import Block


@dataclass(frozen=True)
class Candidates:
    """Of one version of a data set and one split of it."""

    num_items: int
    """V."""
    users: np.ndarray
    """Ascending, integer [U]."""
    seen: np.ndarray | None
    """How many distinct items each one has had before the target, integer [U]; None where nobody knows."""

    def others(self, users: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """How many candidates there are besides the target, integer [R]; seen ones are among them where nobody knows these.

        Args:
            users: Some of those, integer [R].
            ranks: Of each one's target, integer [R]; V + 1 where it is no candidate.

        Raises:
            DataError: Users or ranks are not of this data.
        """
        if self.seen is None:
            return np.full(len(users), self.num_items - 1)
        places = np.searchsorted(self.users, users)
        if not np.array_equal(self.users[np.minimum(places, len(self.users) - 1)], users):
            raise DataError("its users are not those of the data set")
        others: np.ndarray = self.num_items - 1 - self.seen[places].astype(np.int64)
        if ((ranks > others + 1) & (ranks != self.num_items + 1)).any():
            raise DataError("its ranks are beyond the items that users have not had")
        return others


def candidates_of(block: Block, files: Mapping[str, Path], values: Iterable[Mapping[str, object]]) -> Candidates:
    """What is known of the candidates of a block's users.

    All runs of a block are of the same data, so that one whose ranks tell, tells for all.

    Args:
        block: Of one data set.
        files: Ranks by run.
        values: Of the plans of its runs.

    Raises:
        DataError: Nothing tells how many items there are.
    """
    num_items = None
    for file in (files[run_id] for row in block.rows for run_id in row.runs if run_id in files):
        try:
            told = rank_file.read(file, (), if_there=["items", f"{block.split}.users", f"{block.split}.seen"])
        except DataError:
            continue  # which is said where its row is measured
        if len(told) == 3:
            items, users, seen = told.values()
            order = np.argsort(users, kind="stable")
            return Candidates(int(items.max()), users[order], seen[order])
        num_items = int(told["items"].max()) if "items" in told else num_items
    found = _of_data(block, values)
    if found is None and num_items is None:
        raise DataError(
            f"the runs do not say how many items there were, and the data set '{block.dataset}' that tells is not at hand as it was then"
        )
    return found or Candidates(num_items or 0, np.empty(0, np.int64), None)


def _of_data(block: Block, values: Iterable[Mapping[str, object]]) -> Candidates | None:
    """What the data set tells; None where it is not here, or not the same any more."""
    from sracl.data import datasets, splits

    asked: Sequence[Mapping[str, object]] = [each for each in values if {"data", "evaluation"} <= each.keys()][:1]
    for each in asked:
        try:
            data = datasets.of_run(each)
            if data.fingerprint != block.protocol.get("data"):
                return None
            rows = splits.evaluation_prefixes(data, "valid" if block.split == "valid" else "test", 1)
        except SraclError:
            return None
        return Candidates(data.num_items, rows.users, (splits.seen(data, rows) > 0).sum(1))
    return None
