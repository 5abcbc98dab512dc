"""Which differences of a leaderboard are more than noise: tests over the ranks that are kept of every user, and over seeds.

A row is tested against its baseline; where no row of a block has one, the best row against the second best, metric by metric.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sracl.compare.board import Comparison, PValue
from sracl.errors import DataError, UsageError
from sracl.evaluation import rank_file
from sracl.evaluation.groups import history_groups, target_groups
from sracl.evaluation.metrics import per_user
from sracl.evaluation.significance import holm, interval_over_seeds, interval_over_users, over_seeds, over_users
from sracl.tracking import artifacts, queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.compare.board import Block, Leaderboard, Row
    from sracl.tracking.reader import Reader

ALPHA = 0.05
_ROUNDING = 1e-9
"""By how much a figure may differ from the mean over its ranks: sums of the same numbers in another order."""


_Runs: TypeAlias = tuple[tuple[str, ...], tuple[str, ...]]
"""Of a row, and of the one it is tested against."""


@dataclass(frozen=True)
class _Sample:
    """One metric of a row."""

    users: np.ndarray
    """Ascending, integer [U]."""
    values: np.ndarray
    """Of every user, the mean over seeds, float64 [U]."""
    seeds: tuple[float, ...]
    """Of every seed, the mean over users."""


@dataclass(frozen=True)
class _Pair:
    """Places of two rows whose figures of a metric are held against each other."""

    metric: str
    row: int
    other: int


def with_tests(store: Reader, board: Leaderboard, *, alpha: float = ALPHA) -> Leaderboard:
    """The leaderboard with what tests say of its rows; what cannot be tested is told in the notes of its block.

    Args:
        store: Where its runs are.
        board: As `leaderboard` makes it.
        alpha: What corrected p values stay below where a difference is marked, in (0, 1).

    Raises:
        UsageError: Nothing could be below alpha, or everything would be.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"A level of significance is between 0 and 1, such as 0.05; {alpha:g} is not.")
    files = {run_id: Path(path) for run_id, (_, path) in artifacts.completed_with(store, rank_file.RANKS).items()}
    return replace(board, blocks=tuple(_tested(store, block, files, alpha) for block in board.blocks))


def _tested(store: Reader, block: Block, files: Mapping[str, Path], alpha: float) -> Block:
    block = replace(block, alpha=alpha)
    pairs = _pairs(block)
    if not pairs:
        return _noting(block, ["Nothing is tested: that takes a baseline, or two rows that are not leaky."])
    kept = queries.final_metrics(store, {run_id for row in block.rows for run_id in row.runs}, split=block.split, group=block.group)
    figures = {(figure.run_id, figure.name): figure.value for figure in kept if figure.protocol == block.fingerprint}
    taking_part = sorted({place for pair in pairs for place in (pair.row, pair.other)})
    samples: dict[tuple[int, str], _Sample] = {}
    hindered: dict[str, list[str]] = {}
    for place in taking_part:
        try:
            found = _samples(block, block.rows[place], files, figures)
        except DataError as reason:
            hindered.setdefault(str(reason), []).append(block.rows[place].label)
        else:
            samples |= {(place, metric): sample for metric, sample in found.items()}
    comparisons: dict[tuple[int, str], Comparison] = {}
    for metric in block.metrics:
        here = [pair for pair in pairs if pair.metric == metric and {(pair.row, metric), (pair.other, metric)} <= samples.keys()]
        comparisons |= _compared(block, here, samples, hindered, alpha)
    rows = [
        replace(row, tests={metric: comparisons[place, metric] for metric in block.metrics if (place, metric) in comparisons})
        for place, row in enumerate(block.rows)
    ]
    notes = [f"Nothing is tested that involves {', '.join(labels)}: {reason}" for reason, labels in hindered.items()]
    return _noting(replace(block, rows=tuple(rows)), notes)


def _pairs(block: Block) -> list[_Pair]:
    """What is to be tested: rows against their baselines; without any, the best row against the second best."""
    based = [(place, _baseline(row, block.rows)) for place, row in enumerate(block.rows) if row.baseline is not None]
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


def _baseline(row: Row, rows: Sequence[Row]) -> int:
    """Where the row is that another one is compared with: in its own recipe, or the only one of that name elsewhere."""
    named = [place for place, other in enumerate(rows) if other.label == row.baseline]
    return next((place for place in named if rows[place].recipe == row.recipe), named[0])


def _samples(block: Block, row: Row, files: Mapping[str, Path], figures: Mapping[tuple[str, str], float]) -> dict[str, _Sample]:
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
        own, ranks, num_items = _of_group(block, files[run_id])
        order = np.argsort(own, kind="stable")
        if own.shape != ranks.shape or not len(own) or ranks.min() < 1:
            raise DataError(f"{files[run_id]} does not hold a rank for every user")
        if users is not None and not np.array_equal(users, own[order]):
            raise DataError("seeds were tested on different users")
        users = own[order]
        kept = {metric: figures[run_id, metric] for metric in row.figures if (run_id, metric) in figures}
        if (measured := _measured(ranks[order], cutoffs, kept, num_items)) is None:
            raise DataError(f"{files[run_id]} does not give the figures that are kept of its run")
        for metric, values in measured.items():
            found.setdefault(metric, []).append(values)
    return {
        metric: _Sample(users, np.asarray(np.mean(values, axis=0, dtype=np.float64)), tuple(float(one.mean()) for one in values))
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


def _of_group(block: Block, file: Path) -> tuple[np.ndarray, np.ndarray, int | None]:
    """The users of a block's group and their ranks under its protocol, both integer [U], and V where the file tells it.

    Raises:
        DataError: The file cannot be read, or does not say who belongs to a group.
    """
    asked = [f"{block.split}.users", f"{block.split}.{block.protocol.get('seen_items')}"]
    users, ranks, *told = rank_file.read(file, asked, if_there=["items"]).values()
    num_items = int(told[0].max(initial=0)) if told else None
    if num_items is not None and ranks.max(initial=0) > num_items + 1:
        raise DataError(f"{file} holds ranks among more than the {num_items:,} items that it tells of")
    if block.group == "all" or users.shape != ranks.shape:
        return users, ranks, num_items
    members = _members(block, file)
    if members.shape != users.shape:
        raise DataError(f"{file} does not say who belongs to this group")
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


def _compared(
    block: Block, pairs: Sequence[_Pair], samples: Mapping[tuple[int, str], _Sample], hindered: dict[str, list[str]], alpha: float
) -> dict[tuple[int, str], Comparison]:
    """The tests of one metric, corrected for each other; rows with other users than theirs are added to what was hindered."""
    tests: list[tuple[_Pair, Comparison]] = []
    for pair in pairs:
        ours, theirs = samples[pair.row, pair.metric], samples[pair.other, pair.metric]
        if np.array_equal(ours.users, theirs.users):
            tests.append((pair, _comparison(block.rows[pair.other].label, ours, theirs, alpha)))
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


def _comparison(against: str, ours: _Sample, theirs: _Sample, alpha: float) -> Comparison:
    """The tests of one difference, as if it were the only one."""
    by_users, by_seeds = over_users(ours.values, theirs.values), over_seeds(ours.seeds, theirs.seeds)
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
        interval_over_users(ours.values, theirs.values, alpha=alpha),
        interval_over_seeds(ours.seeds, theirs.seeds, alpha=alpha),
    )


def _corrected(values: Mapping[_Runs, float]) -> dict[_Runs, float]:
    """P values corrected for each other, by the runs that were tested: those of a row with two names are one test, with themselves none."""
    counted = [which for which in values if which[0] != which[1]]
    return {**values, **dict(zip(counted, holm([values[which] for which in counted]), strict=True))}


def _noting(block: Block, notes: Sequence[str]) -> Block:
    return replace(block, notes=(*block.notes, *notes))
