"""A leaderboard for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from sracl.evaluation.user_test import WORDS

if TYPE_CHECKING:
    from sracl.compare.board import Beside, Comparison, Leaderboard
    from sracl.evaluation.significance import Interval

_ENDS = ("low", "high", "relative_low", "relative_high")
"""Columns of an interval."""


def as_csv(board: Leaderboard) -> str:
    """One line per row and metric, unrounded; an empty field is what there is not. Baselines and what was tested against are labels."""
    columns = ("recipe", "variant", "cell", "dataset", "protocol", "seen_items", "split", "group", "metric", "mean", "std", "n", "seeds")
    compared = ("label", "baseline", "difference", "published_in", "published", "difference_to_published", "leaky", "divided", "candidates")
    tested = ("tested_against", "p_users", "p_users_corrected", "p_seeds", "p_seeds_corrected")
    within = (
        "tested_difference",
        "relative_difference",
        *(f"{end}_{over}" for over in ("users", "seeds") for end in _ENDS),
        "test_over_users",
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns, *compared, *tested, *within])
    for block in board.blocks:
        for row in block.rows:
            for metric, figure in row.figures.items():
                cell = json.dumps(row.cell, ensure_ascii=False) if row.cell else ""
                seen_items = block.protocol.get("seen_items", "")
                place = [row.recipe, row.variant, cell, block.dataset, block.fingerprint, seen_items, block.split, block.group]
                measured = [metric, figure.mean, figure.std, figure.n, " ".join(map(str, row.seeds))]
                against = [row.label, row.baseline, row.differences.get(metric)]
                beside: list[Beside | None] = [source for source in row.published if metric in source.values]
                for source in beside or [None]:
                    theirs = [source.source, source.values[metric], source.differences[metric]] if source else [None, None, None]
                    how = ["; ".join(row.leaky), block.protocol.get("split", ""), block.protocol.get("candidates", "")]
                    writer.writerow(
                        [*place, *measured, *against, *theirs, *how, *_tests(row.tests.get(metric), WORDS[block.tested_by].name)]
                    )
    return out.getvalue().rstrip("\n")


def _tests(test: Comparison | None, over_users: str) -> list[str | float | None]:
    """The fields of a CSV that a test fills; what that over users is called stands last."""
    if test is None:
        return [None] * (8 + 2 * len(_ENDS))
    seeds = test.over_seeds
    over_seeds = [None, None] if seeds is None else [seeds.raw, seeds.corrected]
    within = [*_ends(test.range_over_users), *_ends(test.range_over_seeds)]
    return [test.against, test.over_users.raw, test.over_users.corrected, *over_seeds, test.difference, test.relative, *within, over_users]


def _ends(interval: Interval | None) -> list[float | None]:
    """In the order of `_ENDS`."""
    return [None] * len(_ENDS) if interval is None else [interval.low, interval.high, *(interval.relative or (None, None))]
