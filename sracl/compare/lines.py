"""What every form of a leaderboard prints: its lines, cell by cell, and what is said below."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.compare import marks

if TYPE_CHECKING:
    from sracl.compare.board import Block, Figure, Leaderboard, Row

_LEGEND = "mean ± standard deviation over n seeds"


@dataclass(frozen=True)
class Line:
    """One printed line below a heading: a row's figures, or what is compared with them."""

    label: str
    cells: tuple[str, ...]
    best: tuple[bool, ...]
    second: tuple[bool, ...]
    """Next below the best, where there are three rows or more."""
    is_aside: bool = False
    marks: tuple[str, ...] = ()
    """One a cell, or none at all."""


def header_of(block: Block) -> tuple[str, ...]:
    """Above the labels nothing, then n and the metrics, each after its data set where several stand beside one another."""
    return ("", "n", *map(named, block.metrics))


def named(column: str) -> str:
    """`ndcg@20` as headers have it, after the name of a data set where the column has one."""
    *of, metric = column.split(" ")
    return " ".join([*of, metric.upper()])


def lines_of(block: Block) -> list[Line]:
    """What a block prints, row by row: our figures, the difference to the baseline, published figures and the difference to them."""
    empty = ("",) * len(block.metrics)
    plain = (False,) * (len(block.metrics) + 1)
    tops = {metric: block.highest(metric) for metric in block.metrics}
    rivals = [sum(metric in row.figures for row in block.rows) for metric in block.metrics]
    made: list[Line] = []
    recipe = None
    for row in block.rows:
        if row.recipe != recipe and not block.is_sorted:
            recipe = row.recipe
            is_only = row.label == recipe and sum(other.recipe == recipe for other in block.rows) == 1
            if len(block.recipes) > 1 and not is_only:  # a row that is its recipe needs no heading to say so
                made.append(Line(recipe, ("", *empty), plain, plain, is_aside=True))
        figures = [row.figures.get(metric) for metric in block.metrics]
        standing = [
            tops[metric].index(round(figure.mean, 4)) if figure is not None and not row.leaky and not math.isnan(figure.mean) else None
            for metric, figure in zip(block.metrics, figures, strict=True)
        ]
        best, second = (
            (False, *(place == wanted and count > 1 + wanted for place, count in zip(standing, rivals, strict=True))) for wanted in (0, 1)
        )
        label = f"{block.called(row)} [leaky]" if row.leaky else block.called(row)
        tested = ("", *(marks.mark(row.tests.get(metric), block.alpha) for metric in block.metrics))
        own = tested if row.baseline is None else ()
        made.append(Line(label, (_seeds(block, row), *map(_figure, figures)), best, second, marks=own))
        if row.baseline is not None:
            changes = [_change(row.differences.get(metric), row.figures.get(metric)) for metric in block.metrics]
            made.append(Line(f"  vs {row.baseline}", ("", *changes), plain, plain, is_aside=True, marks=tested))
        for beside in (source for source in row.published if any(metric in source.values for metric in block.metrics)):
            values = [number(beside.values[metric]) if metric in beside.values else "" for metric in block.metrics]
            changes = [signed(beside.differences[metric]) if metric in beside.differences else "" for metric in block.metrics]
            made.append(Line(f"  published, {beside.title}", ("", *values), plain, plain, is_aside=True))
            made.append(Line("  ours minus that", ("", *changes), plain, plain, is_aside=True))
    return made


def closing(board: Leaderboard) -> list[str]:
    """What is said below all blocks."""
    return [_LEGEND, *marks.legend(board.blocks), *board.sources, *board.notes] if board.blocks else list(board.notes)


def _seeds(block: Block, row: Row) -> str:
    """How many; where several data sets stand beside one another, of each of them in turn unless they are as many."""
    counts: dict[str, set[int]] = {}
    for column in block.metrics:
        of = column.rpartition(" ")[0]
        counts.setdefault(of, set()).update({row.figures[column].n} if column in row.figures else ())
    told = {of: f"{min(some)}–{max(some)}" if len(some) > 1 else f"{min(some)}" if some else "–" for of, some in counts.items()}
    alike = set(told.values()) - {"–"}
    return ", ".join(told.values()) if len(alike) > 1 else "".join(alike)  # none where a part of a table has no figure of the row


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return number(figure.mean) if figure.std is None else f"{number(figure.mean)} ±{number(figure.std)}"


def _change(difference: float | None, figure: Figure | None) -> str:
    """Absolute, and relative to the baseline where that is not zero."""
    if difference is None or figure is None:
        return ""
    base = figure.mean - difference
    return f"{signed(difference)} {_sign(difference)}{abs(difference / base):.0%}" if base else signed(difference)


def number(value: float) -> str:
    """Four decimals; a zero before the point is left out, as tables of this field do."""
    if math.isnan(value):
        return "nan"
    text = f"{value:.4f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and not text.lstrip("-").startswith("1") else text


def signed(value: float) -> str:
    """As figures are written, always with a sign."""
    return f"{_sign(value)}{number(abs(value))}"


def _sign(difference: float) -> str:
    """That of a difference as it is printed: one that comes to .0000 is not below."""
    return "-" if round(difference, 4) < 0 else "+"
