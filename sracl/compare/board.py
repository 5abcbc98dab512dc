"""What a leaderboard is made of: figures in rows, rows in blocks, a block for every protocol."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sracl.errors import UsageError, did_you_mean
from sracl.tracking import protocol
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.compare.cost import CostTable
    from sracl.evaluation.significance import Interval
    from sracl.evaluation.user_test import UserTest


@dataclass(frozen=True)
class Figure:
    """One metric over the seeds of a row."""

    mean: float
    std: float | None
    """With n - 1 in the denominator; None for a single seed."""
    n: int

    @classmethod
    def over(cls, values: Sequence[float]) -> Figure:
        """That of one value a seed; its deviation is no number where one of several values is none."""
        deviation = None
        if len(values) > 1:  # of a value that is no number stdev fails
            deviation = statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan
        return cls(statistics.fmean(values), deviation, len(values))


@dataclass(frozen=True)
class Beside:
    """Published figures of the same system, data set and protocol."""

    source: str
    """Name of the result card."""
    title: str
    """What rows call it: `Table 3`, or the name where two cards have that title."""
    values: Mapping[str, float]
    differences: Mapping[str, float]
    """Ours minus theirs."""


@dataclass(frozen=True)
class PValue:
    """How likely so large a difference is by chance alone, in [0, 1]."""

    raw: float
    corrected: float
    """For the other tests of the same metric in the block."""


@dataclass(frozen=True)
class Comparison:
    """What tests say of the difference between two rows in one metric."""

    against: str
    """Label of the other row."""
    users: int
    """That both were tested on."""
    seeds: tuple[int, int]
    """Of the row and of the other, how many."""
    difference: float
    """The row's mean minus the other's."""
    relative: float | None
    """The same as a part of the other's mean; None where that is zero."""
    over_users: PValue
    over_seeds: PValue | None
    """None where either row has too few seeds for a test."""
    range_over_users: Interval | None
    """Where the difference lies with a confidence of 1 − alpha, whatever else is tested; None where there is but one user."""
    range_over_seeds: Interval | None


@dataclass(frozen=True)
class Row:
    """One variant."""

    recipe: str
    variant: str
    cell: Mapping[str, Any]
    label: str
    """What tables call it: the variant, its cell, and the values in which it differs from its namesakes."""
    runs: tuple[str, ...]
    seeds: tuple[int, ...]
    figures: Mapping[str, Figure]
    leaky: tuple[str, ...]
    """What its runs see beyond training data."""
    differing: tuple[str, ...] = ()
    """Paths of the values in which it differs from its namesakes."""
    baseline: str | None = None
    """Label of the row it is compared with."""
    differences: Mapping[str, float] = field(default_factory=dict)
    """Its mean minus the baseline's."""
    published: tuple[Beside, ...] = ()
    tests: Mapping[str, Comparison] = field(default_factory=dict)
    """Metric -> its test against the baseline, or of the best row against the second best where no row has a baseline."""
    chosen_among: int = 1
    """Rows of its variant, of which this one alone is left, since it validates best."""

    @property
    def name(self) -> str:
        """The variant, or the recipe where it has none."""
        return self.variant or self.recipe

    def is_called(self, name: str) -> bool:
        """Whether a name means it, alone or with others."""
        return name in (self.name, self.label)


@dataclass(frozen=True)
class Block:
    """Figures that may be compared."""

    dataset: str
    fingerprint: str
    protocol: Mapping[str, Any]
    split: str
    group: str
    users: int | None
    """Users averaged over."""
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    alpha: float | None = None
    """What corrected p values stay below where a difference is marked; None where nothing was to be tested."""
    tested_by: UserTest = "ttest"
    """The test over users."""
    sorted_by: str = ""
    """Metric by which rows stand; empty where they stand with those of their recipe."""

    @property
    def is_sorted(self) -> bool:
        """Whether rows stand by their figures."""
        return bool(self.sorted_by)

    @property
    def heading(self) -> str:
        """The protocol in words."""
        who = "" if self.group == "all" else f", {group_in_words(self.group)}"
        count = f", {how_many(self.users, 'user')}" if self.users is not None else ""
        return f"{self.dataset}: {self.split}, {protocol.in_words(self.protocol)}{who}{count} [{self.fingerprint}]"

    @property
    def recipes(self) -> tuple[str, ...]:
        """Recipes with a row here."""
        return tuple(dict.fromkeys(row.recipe for row in self.rows))

    def called(self, row: Row) -> str:
        """What a row is called where it stands: by its label, and by its recipe where that is not told otherwise."""
        return self.called_alone(row) if self.is_sorted else row.label

    def called_alone(self, row: Row) -> str:
        """What a row is called where no heading says of which recipe it is."""
        return row.label if len(self.recipes) == 1 or row.label == row.recipe else f"{row.recipe} · {row.label}"

    def highest(self, metric: str) -> list[float]:
        """Means of the rows that are not leaky, rounded as they are printed, each once and the highest first."""
        means = {round(row.figures[metric].mean, 4) for row in self.rows if metric in row.figures and not row.leaky}
        return sorted((mean for mean in means if not math.isnan(mean)), reverse=True)


@dataclass(frozen=True)
class Leaderboard:
    """Blocks, and what is to be said of all of them."""

    blocks: tuple[Block, ...]
    sources: tuple[str, ...] = ()
    """What the published figures are."""
    notes: tuple[str, ...] = ()
    """What is missing."""
    costs: tuple[CostTable, ...] = ()
    """What its rows took to train, where that was asked for."""


def columns(board: Leaderboard) -> list[str]:
    """Metrics of all blocks, each once."""
    return list(dict.fromkeys(name for block in board.blocks for name in block.metrics))


def baseline_of(row: Row, rows: Sequence[Row]) -> int:
    """Where the row is that another one is compared with: in its own recipe, or the only one of that name elsewhere."""
    named = [place for place, other in enumerate(rows) if other.label == row.baseline]
    return next((place for place in named if rows[place].recipe == row.recipe), named[0])


def sorted_by(board: Leaderboard, metric: str, *, descending: bool = True) -> Leaderboard:
    """The same with the highest mean first; rows without a figure, or with one that is no number, last.

    Args:
        board: As `leaderboard` makes it.
        metric: A column, in letters of either case, as headers have capitals.
        descending: Else the lowest mean is first.

    Raises:
        UsageError: No table has such a column.
    """
    metric = metric.strip().lower()
    known = columns(board)
    if board.blocks and metric not in known:
        raise UsageError(f"There is no column '{metric}' to sort by.{did_you_mean(metric, known)} Columns: {', '.join(known)}.")

    def place(row: Row) -> float:
        mean = row.figures[metric].mean if metric in row.figures else math.nan
        return math.inf if math.isnan(mean) else -mean if descending else mean

    blocks = (replace(block, rows=tuple(sorted(block.rows, key=place)), sorted_by=metric) for block in board.blocks)
    return replace(board, blocks=tuple(blocks))


def narrowed(board: Leaderboard, text: str) -> Leaderboard:
    """Rows that have every word of a text in their data set, recipe or label, in letters of either case; no block without any."""
    words = text.casefold().split()

    def fits(block: Block, row: Row) -> bool:
        told = f"{block.dataset} {row.recipe} {row.label}".casefold()
        return all(word in told for word in words)

    blocks = (replace(block, rows=tuple(row for row in block.rows if fits(block, row))) for block in board.blocks)
    return replace(board, blocks=tuple(block for block in blocks if block.rows)) if words else board


def group_in_words(group: str) -> str:
    """`history<7` as `users with <7 interactions`, `target-head` as `users whose target is among the most popular fifth of items`."""
    if group in ("target-head", "target-tail"):
        return f"users whose target is {'' if group == 'target-head' else 'not '}among the most popular fifth of items"
    return f"users with {group.removeprefix('history')} interactions" if group.startswith("history") else group
