"""Figures that every row is to reach, as `sracl compare --fail-under ndcg@10=0.04` demands: for scripts that are to notice a loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from sracl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sracl.compare.board import Block, Leaderboard, Row

EXIT_CODE = 10
"""Of a command that has found rows below a floor."""


@dataclass(frozen=True)
class Floor:
    """The least that is enough."""

    metric: str
    least: float

    @classmethod
    def of(cls, text: str) -> Self:
        """What `ndcg@10=0.04` says.

        Raises:
            UsageError: It is no metric with a number.
        """
        metric, _, number = text.partition("=")
        try:
            if metric.strip() and math.isfinite(least := float(number)):
                return cls(metric.strip().lower(), least)
        except ValueError:
            pass
        raise UsageError(f"--fail-under takes a metric and the least that is enough, such as ndcg@10=0.04, got '{text}'.")


def shortfalls(board: Leaderboard, floors: Sequence[Floor]) -> list[str]:
    """Every row of ours that has less than a floor or no figure there, a line each; also that there is no row at all."""
    if not any(block.rows for block in board.blocks):
        return ["There is no row that could reach what --fail-under demands."]
    return [line for block in board.blocks for row in block.rows for line in _below(block, row, floors)]


def _below(block: Block, row: Row, floors: Sequence[Floor]) -> Iterator[str]:
    name = block.called_alone(row)
    for floor in floors:
        figure = row.figures.get(floor.metric)
        if figure is None:
            yield f"{name}: has no {floor.metric}, and {floor.least:g} is demanded ({block.heading})"
        elif not figure.mean >= floor.least:  # what is no number is not enough, either
            yield f"{name}: {floor.metric} is {figure.mean:.6g}, less than {floor.least:g} ({block.heading})"
