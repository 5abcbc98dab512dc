"""Which differences of a leaderboard are more than noise: tests over the ranks that are kept of every user, and over seeds.

A row is tested against its baseline; where no row of a block has one, the best row against the second best, metric by metric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sracl.compare.board import Comparison, PValue, baseline_of
from sracl.compare.over_users import OverUsers
from sracl.compare.user_figures import Sample, samples_of
from sracl.errors import DataError, UsageError
from sracl.evaluation import rank_file
from sracl.evaluation.bootstrap import LOWEST_ALPHA, RESAMPLES
from sracl.evaluation.significance import holm, interval_over_seeds, over_seeds
from sracl.tracking import artifacts, queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.compare.board import Block, Leaderboard
    from sracl.evaluation.significance import Interval
    from sracl.evaluation.user_test import UserTest
    from sracl.tracking.reader import Reader

ALPHA = 0.05

_Runs: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""Of a row, and of the one it is tested against."""


@dataclass(frozen=True)
class _Pair:
    """Places of two rows whose figures of a metric are held against each other."""

    metric: str
    row: int
    other: int


def with_tests(store: Reader, board: Leaderboard, *, alpha: float = ALPHA, test: UserTest = "ttest") -> Leaderboard:
    """The leaderboard with what tests say of its rows; what cannot be tested is told in the notes of its block.

    Args:
        store: Where its runs are.
        board: As `leaderboard` makes it.
        alpha: What corrected p values stay below where a difference is marked, in (0, 1).
        test: Over users; over seeds it is always Welch's.

    Raises:
        UsageError: Nothing could be below alpha, or everything would be.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"A level of significance is between 0 and 1, such as 0.05; {alpha:g} is not.")
    if test == "bootstrap" and alpha < LOWEST_ALPHA:
        raise UsageError(
            f"The bootstrap's {RESAMPLES:,} resamples tell nothing of a level below {LOWEST_ALPHA:g}, such as {alpha:g}; "
            "--test ttest and --test wilcoxon do."
        )
    files = {run_id: Path(path) for run_id, (_, path) in artifacts.completed_with(store, rank_file.RANKS).items()}
    return replace(board, blocks=tuple(_tested(store, block, files, alpha, test) for block in board.blocks))


def _tested(store: Reader, block: Block, files: Mapping[str, Path], alpha: float, test: UserTest) -> Block:
    block = replace(block, alpha=alpha, tested_by=test)
    pairs = _pairs(block)
    if not pairs:
        return _noting(block, ["Nothing is tested: that takes a baseline, or two rows that are not leaky."])
    kept = queries.final_metrics(store, {run_id for row in block.rows for run_id in row.runs}, split=block.split, group=block.group)
    figures = {(figure.run_id, figure.name): figure.value for figure in kept if figure.protocol == block.fingerprint}
    taking_part = sorted({place for pair in pairs for place in (pair.row, pair.other)})
    samples: dict[tuple[int, str], Sample] = {}
    hindered: dict[str, list[str]] = {}
    for place in taking_part:
        try:
            found = samples_of(block, block.rows[place], files, figures)
        except DataError as reason:
            hindered.setdefault(str(reason), []).append(block.rows[place].label)
        else:
            samples |= {(place, metric): sample for metric, sample in found.items()}
    chosen = OverUsers(test, samples, alpha)
    comparisons: dict[tuple[int, str], Comparison] = {}
    for metric in block.metrics:
        here = [pair for pair in pairs if pair.metric == metric and {(pair.row, metric), (pair.other, metric)} <= samples.keys()]
        comparisons |= _compared(block, here, samples, hindered, chosen, alpha)
    rows = [
        replace(row, tests={metric: comparisons[place, metric] for metric in block.metrics if (place, metric) in comparisons})
        for place, row in enumerate(block.rows)
    ]
    notes = [f"Nothing is tested that involves {', '.join(labels)}: {reason}" for reason, labels in hindered.items()]
    return _noting(replace(block, rows=tuple(rows)), notes)


def _pairs(block: Block) -> list[_Pair]:
    """What is to be tested: rows against their baselines; without any, the best row against the second best."""
    based = [(place, baseline_of(row, block.rows)) for place, row in enumerate(block.rows) if row.baseline is not None]
    if based:
        return [_Pair(metric, place, base) for place, base in based for metric in block.metrics if metric in block.rows[place].differences]
    pairs = []
    for metric in block.metrics:
        means = {place: row.figures[metric].mean for place, row in enumerate(block.rows) if metric in row.figures and not row.leaky}
        best, *others = sorted((place for place in means if not math.isnan(means[place])), key=lambda place: -means[place]) or [-1]
        # a run may fill places in several recipes: a row is not tested against itself under another name
        others = [place for place in others if not set(block.rows[place].runs) & set(block.rows[best].runs)]
        pairs += [_Pair(metric, best, others[0])] if others else []
    return pairs


def _compared(
    block: Block,
    pairs: Sequence[_Pair],
    samples: Mapping[tuple[int, str], Sample],
    hindered: dict[str, list[str]],
    chosen: OverUsers,
    alpha: float,
) -> dict[tuple[int, str], Comparison]:
    """The tests of one metric, corrected for each other; rows with other users than theirs are added to what was hindered."""
    tests: list[tuple[_Pair, Comparison]] = []
    for pair in pairs:
        ours, theirs = samples[pair.row, pair.metric], samples[pair.other, pair.metric]
        if np.array_equal(ours.users, theirs.users):
            told = chosen.compared((pair.row, pair.metric), (pair.other, pair.metric))
            tests.append((pair, _comparison(block.rows[pair.other].label, ours, theirs, told, alpha)))
            continue
        labels = hindered.setdefault(f"the users are not those of {block.rows[pair.other].label}", [])
        if block.rows[pair.row].label not in labels:
            labels.append(block.rows[pair.row].label)
    runs = [(block.rows[pair.row].runs, block.rows[pair.other].runs) for pair, _ in tests]
    users = _corrected({which: test.over_users.raw for which, (_, test) in zip(runs, tests, strict=True)})
    seeds = _corrected({which: test.over_seeds.raw for which, (_, test) in zip(runs, tests, strict=True) if test.over_seeds is not None})
    return {
        (pair.row, pair.metric): replace(
            test,
            over_users=replace(test.over_users, corrected=users[which]),
            over_seeds=None if test.over_seeds is None else replace(test.over_seeds, corrected=seeds[which]),
        )
        for which, (pair, test) in zip(runs, tests, strict=True)
    }


def _comparison(against: str, ours: Sample, theirs: Sample, told: tuple[float, Interval | None], alpha: float) -> Comparison:
    """The tests of one difference, as if it were the only one; of that over users what is told."""
    (by_users, range_over_users), by_seeds = told, over_seeds(ours.seeds, theirs.seeds)
    base = float(theirs.values.mean())
    difference = float(ours.values.mean()) - base
    return Comparison(
        against,
        len(ours.users),
        (len(ours.seeds), len(theirs.seeds)),
        difference,
        difference / base if base else None,
        PValue(by_users, by_users),
        None if by_seeds is None else PValue(by_seeds, by_seeds),
        range_over_users,
        interval_over_seeds(ours.seeds, theirs.seeds, alpha=alpha),
    )


def _corrected(values: Mapping[_Runs, float]) -> dict[_Runs, float]:
    """P values corrected for each other, by the runs that were tested: those of a row with two names are one test, with themselves none."""
    counted = [which for which in values if which[0] != which[1]]
    return {**values, **dict(zip(counted, holm([values[which] for which in counted]), strict=True))}


def _noting(block: Block, notes: Sequence[str]) -> Block:
    return replace(block, notes=(*block.notes, *notes))
