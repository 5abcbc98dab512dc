"""A leaderboard as papers have it that rank among sampled items: what their figures would have been, in expectation."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sracl.compare.board import Figure, Leaderboard, baseline_of
from sracl.compare.candidates import candidates_of
from sracl.compare.lines import named, number
from sracl.compare.user_figures import ranks_of
from sracl.errors import DataError, UsageError
from sracl.evaluation import rank_file
from sracl.evaluation.sampled import expected
from sracl.tracking import artifacts, protocol, queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.compare.board import Block, Row
    from sracl.compare.candidates import Candidates
    from sracl.tracking.reader import Reader

_METRIC = re.compile(r"(hr|ndcg|mrr)@\d+")
"""Those that are functions of one rank."""
_SUPPOSED = 0.01
"""Share of the items that users are supposed to have had where nobody knows, to tell how much it matters."""


def as_sampled(store: Reader, board: Leaderboard, sampled: int) -> Leaderboard:
    """The leaderboard with what ranking each target among itself and a few sampled items would have shown, in place of all figures.

    Only where seen items are excluded, since papers sample from what a user has not had. Published figures are left out, and
    the protocol of each block is another one, so that nothing takes its figures for those of a full ranking.

    Args:
        store: Where its runs are.
        board: As `leaderboard` makes it.
        sampled: How many items are drawn, uniformly and none twice.

    Raises:
        UsageError: None of its figures can be had so.
    """
    files = {run_id: Path(path) for run_id, (_, path) in artifacts.completed_with(store, rank_file.RANKS).items()}
    whole = {"seen_items": "exclude", "candidates": "all"}
    fitting = [block for block in board.blocks if whole.items() <= block.protocol.items()]
    if board.blocks and not fitting:
        raise UsageError("Sampled are items that a user has not had, and no figures are here with seen items excluded.")
    metrics = [metric for block in fitting[:1] for metric in block.metrics]
    apart = [named(metric) for metric in metrics if not _METRIC.fullmatch(metric)]
    if metrics and len(apart) == len(metrics):
        raise UsageError(f"Of sampled items HR, NDCG and MRR can be had, not {', '.join(apart)}.")
    told = [f"Not of sampled items: {', '.join(apart)}."] if apart else []
    if len(fitting) < len(board.blocks):
        told.append("Tables with seen items kept are left out: sampled are items that a user has not had.")
    reports = [known.report for name, known in queries.recipes(store).items() if any(name in block.recipes for block in fitting)]
    if any(report.get("published") for report in reports):
        told.append("Published figures are left out: they are of other rankings.")
    return Leaderboard(tuple(_sampled(store, block, files, sampled) for block in fitting), notes=(*board.notes, *told))


def _sampled(store: Reader, block: Block, files: Mapping[str, Path], sampled: int) -> Block:
    facts = {**block.protocol, "candidates": f"{sampled} sampled uniformly"}
    stamped = replace(
        block,
        fingerprint=protocol.fingerprint(facts),
        protocol=facts,
        metrics=tuple(metric for metric in block.metrics if _METRIC.fullmatch(metric)),
        rows=(),
        notes=(_stamp(sampled), *block.notes),
    )
    values = (run.values for run in queries.runs(store, ids={run_id for row in block.rows for run_id in row.runs}))
    rows: list[Row] = []
    hindered: dict[str, list[str]] = {}
    try:
        candidates = candidates_of(block, files, values)
    except DataError as reason:
        return replace(stamped, notes=(*stamped.notes, f"Nothing can be told of sampled items: {reason}"))
    for row in block.rows:
        try:
            rows.append(replace(row, figures=_figures(stamped, row, files, candidates, sampled), published=(), tests={}))
        except DataError as reason:
            hindered.setdefault(str(reason), []).append(row.label)
    notes = [f"{', '.join(labels)}: left out, {reason}" for reason, labels in hindered.items()]
    if candidates.seen is None and rows:
        notes.append(_too_high(stamped, rows, files, candidates, sampled))
    return replace(stamped, rows=tuple(_compared(row, rows) for row in rows), notes=(*stamped.notes, *notes))


def _stamp(sampled: int) -> str:
    return (
        f"SAMPLED: each target is ranked among itself and {sampled} of the items that its user has not had, drawn uniformly; what is "
        "expected of all draws, by the ranks among all items. For comparison with papers that measure so, not for choosing among methods, "
        "whose order it may turn (Krichene and Rendle 2020, doi.org/10.1145/3394486.3403226)"
    )


def _figures(
    block: Block, row: Row, files: Mapping[str, Path], candidates: Candidates, sampled: int, *, share: float = 0
) -> dict[str, Figure]:
    """Of every metric that the row has, a mean over users for each seed.

    Args:
        block: Where the row stands.
        row: With the figures of full rankings.
        files: Ranks by run.
        candidates: Of the users.
        sampled: How many are drawn.
        share: Of all items, what each user is supposed to have had besides.

    Raises:
        DataError: Ranks are missing, damaged or of other data, or a user has fewer candidates than are to be drawn.
    """
    wanted = [metric for metric in block.metrics if metric in row.figures]
    cutoffs = sorted({int(metric.partition("@")[2]) for metric in wanted})
    seeds: list[dict[str, float]] = []
    for run_id in row.runs:
        if run_id not in files:
            raise DataError("no ranks of users are kept")
        users, ranks, _ = ranks_of(block, files[run_id])
        others = candidates.others(users, ranks)
        if others.min() < sampled:
            raise DataError(f"{sampled:,} items cannot be drawn from the {others.min():,} others that a user has not had")
        is_candidate = ranks <= others + 1
        fewer = np.maximum(others - int(share * candidates.num_items), np.maximum(sampled, np.where(is_candidate, ranks - 1, 0)))
        ranks = np.where(is_candidate, ranks, candidates.num_items + 1)
        seeds.append({metric: float(found.mean()) for metric, found in expected(ranks, fewer, cutoffs, sampled=sampled).items()})
    return {metric: Figure.over([figures[metric] for figures in seeds]) for metric in wanted}


def _too_high(block: Block, rows: Sequence[Row], files: Mapping[str, Path], candidates: Candidates, sampled: int) -> str:
    """What it means that nobody knows which items users have had."""
    differences = {
        (row.figures[metric].mean - figure.mean, metric)
        for row in rows
        for metric, figure in _figures(block, row, files, candidates, sampled, share=_SUPPOSED).items()
    }
    most, metric = max(differences)
    return (
        "How many items each user has had is not kept of these runs, and the data set is not at hand: those are drawn as well, so that "
        f"figures are too high, if users have had {_SUPPOSED:.0%} of all items by up to {number(most)} ({named(metric)})"
    )


def _compared(row: Row, rows: Sequence[Row]) -> Row:
    """The row with its differences to its baseline, where that is there still."""
    if row.baseline is None or row.baseline not in [other.label for other in rows]:
        return replace(row, baseline=None, differences={})
    base = rows[baseline_of(row, rows)]
    shared = [metric for metric in row.figures if metric in base.figures]
    return replace(row, differences={metric: row.figures[metric].mean - base.figures[metric].mean for metric in shared})
