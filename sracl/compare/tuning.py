"""Choosing among the values that were tried, by validation alone, so that no test figure takes part in it."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from sracl.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.compare.board import Row
    from sracl.tracking.queries import MetricRow


def best_validated(rows: Sequence[Row], validated: Sequence[MetricRow], metric: str) -> tuple[list[Row], list[str]]:
    """Of the rows of one variant, which differ in values under [matrix] or set by hand, the one that validates best.

    Args:
        rows: Of one protocol.
        validated: Final figures of the interaction that validates, of the same protocol and all users.
        metric: By which the highest mean over a row's seeds is chosen.

    Returns:
        The rows that are left, in their order, and what was chosen among how many.

    Raises:
        UsageError: No such metric was measured.
    """
    metric = metric.strip().lower()
    known = list(dict.fromkeys(figure.name for figure in validated))
    if rows and metric not in known:
        raise UsageError(f"No metric is called '{metric}' by which to choose.{did_you_mean(metric, known)} Measured: {', '.join(known)}.")
    values = {figure.run_id: figure.value for figure in validated if figure.name == metric}
    tried: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        tried.setdefault((row.recipe, row.variant), []).append(row)
    chosen, notes = [], []
    for alternatives in tried.values():
        best = max(alternatives, key=lambda row: _mean(row, values))
        chosen.append(best)
        if len(alternatives) > 1:
            notes.append(f"{best.label} validates best of the {len(alternatives)} of {best.name}, by {metric.upper()}")
    return chosen, notes


def _mean(row: Row, values: dict[str, float]) -> float:
    """Over the seeds of a row; what was not measured, or is no number, is never best."""
    found = [values[run] for run in row.runs if run in values]
    mean = statistics.fmean(found) if found else math.nan
    return -math.inf if math.isnan(mean) else mean
