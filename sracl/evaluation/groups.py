"""Groups of users: by how long their history is, and by how often others chose what is to be predicted for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

HISTORY_BOUNDS = (7, 11)
"""Shortest histories of the second and third group: <7, 7-10 and >10 interactions, as in figure 7 of SRA-CL."""

HEAD_SHARE = 0.2
"""Of the items, those that count as the head: the most popular fifth, as LLM-ESR has it (arXiv:2405.20646)."""

HEAD, TAIL = "target-head", "target-tail"
"""Users whose target is among the head, and all others."""


def names(bounds: Sequence[int] = HISTORY_BOUNDS) -> tuple[str, ...]:
    """Labels of the groups that ascending bounds cut, shortest histories first: `<7`, `7-10`, `>10`.

    Raises:
        ValueError: The bounds are none, or do not ascend.
    """
    if not bounds or any(low >= high for low, high in zip(bounds, bounds[1:], strict=False)):
        raise ValueError(f"group bounds ascend, got {list(bounds)}")
    between = [f"{low}-{high - 1}" if high - low > 1 else f"{low}" for low, high in zip(bounds, bounds[1:], strict=False)]
    return (f"<{bounds[0]}", *between, f">{bounds[-1] - 1}")


def labels(lengths: np.ndarray, bounds: Sequence[int] = HISTORY_BOUNDS) -> np.ndarray:
    """The group of every user.

    Args:
        lengths: Interactions per user, integer [U]: all of them, validation and test included.
        bounds: Shortest history of every group but the first.

    Returns:
        Labels of `names(bounds)`, str [U].
    """
    return np.asarray(names(bounds))[np.searchsorted(np.asarray(bounds), lengths, side="right")]


def history_groups(lengths: np.ndarray, bounds: Sequence[int] = HISTORY_BOUNDS) -> dict[str, np.ndarray]:
    """Who belongs to each group, under the names that metrics are stored by.

    Returns:
        `history<7`, `history7-10`, `history>10` -> bool [U]. The masks part the users; groups without any are left out,
        as a mean over nobody is no figure.
    """
    belongs = labels(lengths, bounds)
    masks = {f"history{name}": belongs == name for name in names(bounds)}
    return {name: mask for name, mask in masks.items() if mask.any()}


def head_begins(interactions: np.ndarray) -> int:
    """Training interactions from which on an item belongs to the head.

    Args:
        interactions: Of every item, integer [V].

    Returns:
        Those of the least popular of the first V / 5 items, rounded up; items that are as popular as that one belong to the head too.
    """
    place = max(1, math.ceil(HEAD_SHARE * len(interactions)))
    return int(np.sort(interactions)[-place])


def target_groups(popularity: np.ndarray, head: int) -> dict[str, np.ndarray]:
    """Who belongs to each group, under the names that metrics are stored by.

    Args:
        popularity: Training interactions of every user's target, integer [U].
        head: As `head_begins` says.

    Returns:
        `target-head` and `target-tail` -> bool [U]; a group without any users is left out.
    """
    masks = {HEAD: popularity >= head, TAIL: popularity < head}
    return {name: mask for name, mask in masks.items() if mask.any()}
