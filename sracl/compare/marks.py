"""Marks beside figures that differ by more than noise, and what is said of them below the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.evaluation.significance import CORRECTION, FEWEST_SEEDS, OVER_SEEDS
from sracl.evaluation.user_test import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sracl.compare.board import Block, Comparison

USERS, SEEDS = "†", "‡"
"""More than noise over users; and over seeds as well."""


def mark(comparison: Comparison | None, alpha: float | None) -> str:
    """What stands beside the figure; empty where it differs by no more than noise, or was not tested."""
    if comparison is None or alpha is None or comparison.over_users.corrected >= alpha:
        return ""
    seeds = comparison.over_seeds
    return SEEDS if seeds is not None and seeds.corrected < alpha else USERS


def legend(blocks: Iterable[Block]) -> list[str]:
    """What the marks mean and what they do not say; nothing where nothing was tested."""
    tests = [(block, row, metric, test) for block in blocks for row in block.rows for metric, test in row.tests.items()]
    if not tests:
        return []
    level = f"p < {tests[0][0].alpha:g} after {CORRECTION}'s correction for the rows of a table"
    words = WORDS[tests[0][0].tested_by]
    said = [f"{USERS} more than noise over users: {words.name} on each user's mean over seeds, {level}."]
    said += [words.remark] if words.remark else []
    shown = [figure for block, *_ in tests for row in block.rows for figure in row.figures.values()]  # of those tested against, too
    alone = " A row with n = 1 is one training." if any(figure.n == 1 for figure in shown) else ""
    if any(test.over_seeds is not None for *_, test in tests):
        said.append(f"{SEEDS} over seeds as well: {OVER_SEEDS}, {level}; only where both rows have {FEWEST_SEEDS} seeds or more.")
        said.append(f"{USERS} speaks of these trainings, not of what other seeds would give.{alone}")
    else:
        said.append(
            f"{USERS} speaks of these trainings, not of what other seeds would give: "
            f"no two rows tested have {FEWEST_SEEDS} seeds each.{alone}"
        )
    if any(row.baseline is None for _, row, _, _ in tests):
        said.append("Without a baseline the best row is tested against the second best; --baseline ROW tests every row against one.")
    if not any(mark(test, block.alpha) for block, _, _, test in tests):
        said.append("No difference that was tested is more than noise.")
    return said


def tests_in_words(block: Block) -> dict[str, object] | None:
    """The tests of a block for programs; None where nothing was to be tested."""
    if block.alpha is None:
        return None
    return {
        "alpha": block.alpha,
        "over_users": WORDS[block.tested_by].name,
        "over_seeds": OVER_SEEDS,
        "fewest_seeds": FEWEST_SEEDS,
        "intervals_over_users": WORDS[block.tested_by].interval,
        "relative_intervals": WORDS[block.tested_by].relative,
        "correction": CORRECTION,
    }
