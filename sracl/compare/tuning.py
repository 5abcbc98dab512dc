"""Choosing among the values that were tried, by validation alone, so that no test figure takes part in it."""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from sracl.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sracl.compare.board import Row
    from sracl.tracking.queries import MetricRow


def best_validated(rows: Sequence[Row], validated: Sequence[MetricRow], choosing: Mapping[str, str]) -> tuple[list[Row], list[str]]:
    """Of the rows of one variant, which differ in values of the matrix or a sweep or set by hand, the one that validates best.

    Args:
        rows: Of one protocol.
        validated: Final figures of the interaction that validates, of the same protocol and all users.
        choosing: Recipe -> the metric by which its rows are chosen: the highest mean over the seeds that all rows of a variant have,
            so that more seeds of what was chosen do not unmake the choice. Other recipes keep all rows.

    Returns:
        The rows that are left, in their order, and what was chosen among how many.

    Raises:
        UsageError: No such metric was measured.
    """
    known = list(dict.fromkeys(figure.name for figure in validated))
    tried: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        tried.setdefault((row.recipe, row.variant), []).append(row)
    kept: dict[int, Row] = {}  # by identity
    notes: list[str] = []
    for (recipe, _), alternatives in tried.items():
        if recipe not in choosing:
            kept |= {id(row): row for row in alternatives}
            continue
        metric = choosing[recipe].strip().lower()
        if metric not in known:
            raise UsageError(
                f"No metric is called '{metric}' by which to choose.{did_you_mean(metric, known)} Measured: {', '.join(known)}."
            )
        values = {figure.run_id: figure.value for figure in validated if figure.name == metric}
        shared = set.intersection(*(set(row.seeds) for row in alternatives))
        best = max(alternatives, key=lambda row: _mean(row, shared or set(row.seeds), values))
        kept[id(best)] = replace(best, chosen_among=len(alternatives))
        if len(alternatives) > 1:
            notes.append(f"{best.label} validates best of the {len(alternatives)} of {best.name}, by {metric.upper()}")
    counts = {name: len(alternatives) if name[0] in choosing else 1 for name, alternatives in tried.items()}
    if len(set(counts.values())) > 1:
        are_several = len({recipe for recipe, _ in counts}) > 1
        told = ", ".join(
            f"{count} of {f'{recipe}/{variant}' if variant and are_several else variant or recipe}"
            for (recipe, variant), count in counts.items()
        )
        notes.append(f"not tried equally often, which favours what was tried more: {told}")
    return [kept[id(row)] for row in rows if id(row) in kept], notes


def _mean(row: Row, seeds: Collection[int], values: Mapping[str, float]) -> float:
    """Over some seeds of a row; what was not measured, or is no number, is never best."""
    of_seeds = [run for run, seed in zip(row.runs, row.seeds, strict=True) if seed in seeds]
    found = [values[run] for run in of_seeds if run in values]
    mean = statistics.fmean(found) if found else math.nan
    return -math.inf if math.isnan(mean) else mean
