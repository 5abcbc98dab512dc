"""The second table of a block whose differences were tested: how large they may be, in one metric.

    NDCG@10 minus that of base (n = 3):
          n                 95 % over users      p   95 % over seeds     p
    full  3  +.0200  +8.6%  [+.0110, +.0290]  <.001  [+.0020, +.0380]  .038

Values of p are corrected for the rows of the block, intervals are not.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.compare.lines import named, signed
from sracl.evaluation.user_test import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.compare.board import Block, Comparison, Leaderboard, PValue, Row
    from sracl.evaluation.significance import Interval

WIDTH = 100
"""Columns of the table at most, where a terminal has as many."""
_FEWEST = 16
"""Columns of a label at least, below which seeds get lines of their own."""


@dataclass(frozen=True)
class Differences:
    """A table of all rows that were tested against the same one in the same metric."""

    heading: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Label, n, difference, and interval and p value over users and, where any row has them, over seeds."""


def legend(board: Leaderboard) -> list[str]:
    """What is said of the intervals below all blocks."""
    told = [block.tested_by for block in board.blocks if differences_of(block)]
    if not told:
        return []
    said = ["Intervals are not corrected for the rows of a table; the p values beside them are."]
    if told[0] != "ttest":
        said.append(f"Over users they are of the mean difference: {WORDS[told[0]].interval}.")
    return said


def differences_of(block: Block) -> list[Differences]:
    """Of the metric that the block is sorted by, or its first; of each data set where several stand side by side."""
    if block.alpha is None or not block.metrics:
        return []
    wanted = block.sorted_by or block.metrics[0].rpartition(" ")[2]
    made = []
    for metric in (metric for metric in block.metrics if metric.rpartition(" ")[2] == wanted):
        tested = [(row, row.tests[metric]) for row in block.rows if metric in row.tests]
        for against in dict.fromkeys(test.against for _, test in tested):
            made.append(_table(block, metric, [(row, test) for row, test in tested if test.against == against]))
    return made


def _table(block: Block, metric: str, tested: Sequence[tuple[Row, Comparison]]) -> Differences:
    _, first = tested[0]
    has_seeds = any(test.over_seeds is not None for _, test in tested)
    level = f"{100 * (1 - (block.alpha or 0)):g} %"
    return Differences(
        f"{named(metric)} minus that of {first.against} (n = {first.seeds[1]}):",
        ("", "n", "", f"{level} over users", "p", *([f"{level} over seeds", "p"] if has_seeds else [])),
        tuple(
            (
                block.called(row),
                str(test.seeds[0]),
                f"{signed(test.difference)} {_percent(test.relative)}",
                *_told(test.range_over_users, test.over_users),
                *(_told(test.range_over_seeds, test.over_seeds) if has_seeds else ()),
            )
            for row, test in tested
        ),
    )


def fitted(table: Differences, width: int) -> list[list[list[str]]]:
    """Rows with the header first, labels wrapped: one table, or one of users and one of seeds where both take more than `width`."""
    rows = [list(row) for row in (table.header, *table.rows)]
    room = width - _width([row[1:] for row in rows])
    if room >= _FEWEST or len(table.header) == 5:
        return [_wrapped(rows, max(room, _FEWEST))]
    return [part for places in ((0, 1, 2, 3, 4), (0, 1, 2, 5, 6)) for part in fitted(_only(table, places), width)]


def _only(table: Differences, places: Sequence[int]) -> Differences:
    header, *rows = (tuple(row[place] for place in places) for row in (table.header, *table.rows))
    return Differences(table.heading, header, tuple(row for row in rows if any(row[3:])))


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Columns that cells take, with two before each."""
    return sum(2 + max(map(len, column)) for column in zip(*rows, strict=True))


def _wrapped(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    made: list[list[str]] = []
    for label, *cells in rows:
        first, *rest = textwrap.wrap(label, width, subsequent_indent="  ") or [label]
        made += [[first, *cells], *([line, *("" for _ in cells)] for line in rest)]
    return made


def _told(interval: Interval | None, p: PValue | None) -> tuple[str, str]:
    return "" if interval is None else f"[{signed(interval.low)}, {signed(interval.high)}]", "" if p is None else _p(p.corrected)


def _p(value: float) -> str:
    return "<.001" if value < 0.001 else "1" if value > 0.9995 else f"{value:.3f}"[1:]


def _percent(share: float | None) -> str:
    """As wide as most are, so that they stand below one another."""
    text = "" if share is None else f"{share:+.1%}"
    return f"{'+0.0%' if text == '-0.0%' else text:>6}"
