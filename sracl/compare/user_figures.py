"""What every user has of a row's figures: from the ranks that are kept of its runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.errors import DataError
from sracl.evaluation import rank_file
from sracl.evaluation.groups import history_groups, target_groups
from sracl.evaluation.metrics import per_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sracl.compare.board import Block, Row

_ROUNDING = 1e-9
"""By how much a figure may differ from the mean over its ranks: sums of the same numbers in another order."""


@dataclass(frozen=True)
class Sample:
    """One metric of a row."""

    users: np.ndarray
    """Ascending, integer [U]."""
    values: np.ndarray
    """Of every user, the mean over seeds, float64 [U]."""
    seeds: tuple[float, ...]
    """Of every seed, the mean over users."""


def samples_of(block: Block, row: Row, files: Mapping[str, Path], figures: Mapping[tuple[str, str], float]) -> dict[str, Sample]:
    """Every metric of a row, user by user.

    Raises:
        DataError: Ranks are missing, damaged or not those of the figures, or seeds were tested on different users.
    """
    cutoffs = sorted({int(metric.partition("@")[2]) for metric in row.figures if metric.partition("@")[2].isdigit()})
    users: np.ndarray | None = None
    found: dict[str, list[np.ndarray]] = {}
    for run_id in (run_id for run_id in row.runs if any((run_id, metric) in figures for metric in row.figures)):
        if run_id not in files:
            raise DataError("no ranks of users are kept")
        own, ranks, num_items = ranks_of(block, files[run_id])
        order = np.argsort(own, kind="stable")
        if users is not None and not np.array_equal(users, own[order]):
            raise DataError("seeds were tested on different users")
        users = own[order]
        kept = {metric: figures[run_id, metric] for metric in row.figures if (run_id, metric) in figures}
        if (measured := _measured(ranks[order], cutoffs, kept, num_items)) is None:
            raise DataError(f"{files[run_id]} does not give the figures that are kept of its run")
        for metric, values in measured.items():
            found.setdefault(metric, []).append(values)
    return {
        metric: Sample(users, np.asarray(np.mean(values, axis=0, dtype=np.float64)), tuple(float(one.mean()) for one in values))
        for metric, values in found.items()
        if users is not None
    }


def _measured(ranks: np.ndarray, cutoffs: Sequence[int], kept: Mapping[str, float], num_items: int | None) -> dict[str, np.ndarray] | None:
    """What ranks give of the metrics of which figures are kept, user by user; None where they do not give these figures.

    A target that cannot be recommended has rank V + 1 and counts for nothing, also where a cut-off is above V. Where V is not known,
    as of runs of earlier versions, the figures say whether the highest rank is such a one.
    """
    possible = (None, max(1, int(ranks.max()) - 1)) if num_items is None else (num_items,)
    for highest in possible:
        values = {metric: found for metric, found in per_user(ranks, cutoffs, num_items=highest).items() if metric in kept}
        if all(math.isclose(found.mean(), kept[metric], abs_tol=_ROUNDING) for metric, found in values.items()):
            return values
    return None


def ranks_of(block: Block, file: Path) -> tuple[np.ndarray, np.ndarray, int | None]:
    """The users of a block's group and their ranks under its protocol, both integer [U], and V where the file tells it.

    Raises:
        DataError: The file cannot be read, is damaged, or does not say who belongs to a group.
    """
    asked = [f"{block.split}.users", f"{block.split}.{block.protocol.get('seen_items')}"]
    users, ranks, *told = rank_file.read(file, asked, if_there=["items"]).values()
    num_items = int(told[0].max(initial=0)) if told else None
    if num_items is not None and ranks.max(initial=0) > num_items + 1:
        raise DataError(f"{file} holds ranks among more than the {num_items:,} items that it tells of")
    if users.shape != ranks.shape or not len(users) or ranks.min() < 1:
        raise DataError(f"{file} does not hold a rank for every user")
    if block.group == "all":
        return users, ranks, num_items
    members = _members(block, file)
    if members.shape != users.shape:
        raise DataError(f"{file} does not say who belongs to this group")
    if not members.any():
        raise DataError(f"{file} has no user of this group")
    return users[members], ranks[members], num_items


def _members(block: Block, file: Path) -> np.ndarray:
    """Who belongs to a block's group, bool [U].

    Raises:
        DataError: The file cannot be read, or does not say so.
    """
    lengths, popularity = f"{block.split}.lengths", f"{block.split}.popularity"
    told = rank_file.read(file, (), if_there=(lengths, popularity, "head"))
    groups: dict[str, np.ndarray] = {}
    if lengths in told:
        groups |= history_groups(told[lengths])
    if popularity in told and "head" in told:
        groups |= target_groups(told[popularity], int(told["head"].max(initial=0)))
    if block.group not in groups:
        raise DataError("the ranks do not say who belongs to this group, as those of runs trained by this version do")
    return groups[block.group]
