"""A leaderboard as text: a table for people, Markdown for papers, CSV and JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TextIO

from sracl.compare import marks
from sracl.compare.render_csv import as_csv
from sracl.tracking import protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.compare.board import Block, Comparison, Figure, Leaderboard, PValue, Row

Format = Literal["table", "markdown", "csv", "json"]
FORMATS: tuple[Format, ...] = ("table", "markdown", "csv", "json")

_LEGEND = "mean ± standard deviation over n seeds"


@dataclass(frozen=True)
class _Line:
    """One printed line below a heading: a row's figures, or what is compared with them."""

    label: str
    cells: tuple[str, ...]
    best: tuple[bool, ...]
    is_aside: bool = False
    marks: tuple[str, ...] = ()
    """One a cell, or none at all."""


def render(board: Leaderboard, format: Format) -> str:
    """The leaderboard as plain text in one of the formats, without a newline at its end."""
    return {"table": as_table, "markdown": as_markdown, "csv": as_csv, "json": as_json}[format](board)


def show(board: Leaderboard, file: TextIO | None = None) -> None:
    """Write the table: with bold and dim on a terminal, plain where it is piped."""
    out = file or sys.stdout
    if not out.isatty():
        print(as_table(board), file=out)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=out, highlight=False)
    for block in board.blocks:
        console.print(Text(block.heading, style="bold"))
        for part in _parts(block, console.width):
            header, lines = _columns(part)
            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
            for place, name in enumerate(header):
                table.add_column(name, no_wrap=place > 0)
            for line in lines:
                cells = [Text(cell, style="bold" if best else "") for cell, best in zip(line.cells, line.best, strict=True)]
                table.add_row(Text(line.label), *cells, style="dim" if line.is_aside else "")
            console.print(table)
        for note in block.notes:
            console.print(Text(f"  {note}", style="dim"))
        console.print()
    for remark in _closing(board):
        console.print(Text(remark, style="dim"))


def as_table(board: Leaderboard, *, width: int | None = None) -> str:
    """Aligned columns, nothing but text; cut between metrics where a block is wider than `width`."""
    parts: list[str] = []
    for block in board.blocks:
        parts.append(block.heading)
        for part in [block] if width is None else _parts(block, width):
            header, lines = _columns(part)
            parts.append(aligned([header, *([line.label, *line.cells] for line in lines)]))
        parts += [*(f"  {note}" for note in block.notes), ""]
    return "\n".join([*parts, *_closing(board)])


def as_markdown(board: Leaderboard) -> str:
    """One table a block; the best value of a column is bold."""
    parts: list[str] = []
    for block in board.blocks:
        header = _header(block)
        parts += [f"### {escaped(block.heading)}", "", piped(header), piped(["---", *["---:"] * (len(header) - 1)])]
        for line in _lines(block):
            plain = [f"**{cell}**" if best else cell for cell, best in zip(line.cells, line.best, strict=True)]
            cells = [cell + mark for cell, mark in zip(plain, line.marks or ("",) * len(plain), strict=True)]
            label = escaped(line.label.strip())
            parts.append(piped([f"*{label}*" if line.is_aside else label, *cells]))
        parts += ["", *(f"- {escaped(note)}" for note in block.notes), *([""] if block.notes else [])]
    return "\n".join([*parts, *map(escaped, _closing(board))])


def as_json(board: Leaderboard) -> str:
    """`{"schema": 1, "data": [block, …], "errors": [note, …]}`; figures unrounded, null where a value is not a number."""
    data = [
        {
            "dataset": block.dataset,
            "protocol": {"fingerprint": block.fingerprint, "words": protocol.in_words(block.protocol), **block.protocol},
            "split": block.split,
            "group": block.group,
            "users": block.users,
            "metrics": block.metrics,
            "significance": marks.tests_in_words(block),
            "rows": [_row_as_json(row) for row in block.rows],
            "notes": block.notes,
        }
        for block in board.blocks
    ]
    return listing(data, board.notes)


def listing(data: Any, errors: Sequence[str] = ()) -> str:
    """The object that every listing prints for programs."""
    return json.dumps({"schema": 1, "data": _finite(data), "errors": list(errors)}, indent=1, ensure_ascii=False, allow_nan=False)


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Columns padded to their widest cell: the first so many to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < left else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text that means in Markdown what it says."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def piped(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _header(block: Block) -> tuple[str, ...]:
    return ("", "n", *(metric.upper() for metric in block.metrics))


def _lines(block: Block) -> list[_Line]:
    """What a block prints, row by row: our figures, the difference to the baseline, published figures and the difference to them."""
    empty = ("",) * len(block.metrics)
    plain = (False,) * (len(block.metrics) + 1)
    tops = {metric: block.best(metric) for metric in block.metrics}
    lines: list[_Line] = []
    recipe = None
    for row in block.rows:
        if row.recipe != recipe and not block.is_sorted:
            recipe = row.recipe
            is_only = row.label == recipe and sum(other.recipe == recipe for other in block.rows) == 1
            if len(block.recipes) > 1 and not is_only:  # a row that is its recipe needs no heading to say so
                lines.append(_Line(recipe, ("", *empty), plain, is_aside=True))
        figures = [row.figures.get(metric) for metric in block.metrics]
        seeds = max(figure.n for figure in row.figures.values())
        best = [
            figure is not None and not row.leaky and len(block.rows) > 1 and round(figure.mean, 4) == tops[metric]
            for metric, figure in zip(block.metrics, figures, strict=True)
        ]
        label = f"{block.called(row)} [leaky]" if row.leaky else block.called(row)
        tested = ("", *(marks.mark(row.tests.get(metric), block.alpha) for metric in block.metrics))
        lines.append(_Line(label, (str(seeds), *map(_figure, figures)), (False, *best), marks=tested if row.baseline is None else ()))
        if row.baseline is not None:
            changes = [_change(row.differences.get(metric), row.figures.get(metric)) for metric in block.metrics]
            lines.append(_Line(f"  vs {row.baseline}", ("", *changes), plain, is_aside=True, marks=tested))
        for beside in (source for source in row.published if any(metric in source.values for metric in block.metrics)):
            values = [_number(beside.values[metric]) if metric in beside.values else "" for metric in block.metrics]
            changes = [_signed(beside.differences[metric]) if metric in beside.differences else "" for metric in block.metrics]
            lines.append(_Line(f"  published, {beside.title}", ("", *values), plain, is_aside=True))
            lines.append(_Line("  ours minus that", ("", *changes), plain, is_aside=True))
    return lines


def _columns(block: Block) -> tuple[list[str], list[_Line]]:
    """Header and lines, every column but the labels as wide as its widest cell; marks stand behind the figures, which stay aligned."""
    lines = _lines(block)
    marked = [any(line.marks and line.marks[place] for line in lines) for place in range(len(block.metrics) + 1)]
    cells = [[*_header(block)[1:]], *([*line.cells] for line in lines)]
    behind = [("",) * len(marked), *(line.marks or ("",) * len(marked) for line in lines)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(marked))]
    padded = [
        tuple(
            cell.rjust(width) + (mark or " ") * has_marks
            for cell, mark, width, has_marks in zip(row, row_marks, widths, marked, strict=True)
        )
        for row, row_marks in zip(cells, behind, strict=True)
    ]
    return [_header(block)[0], *padded[0]], [replace(line, cells=row) for line, row in zip(lines, padded[1:], strict=True)]


def _parts(block: Block, width: int) -> list[Block]:
    """The block, cut between metrics where it is wider than the terminal; every part has at least one metric."""
    parts: list[list[str]] = [[]]
    for metric in block.metrics:
        wider = replace(block, metrics=(*parts[-1], metric))
        header, lines = _columns(wider)
        rows = [header, *([line.label, *line.cells] for line in lines)]
        needed = sum(max(len(row[column]) for row in rows) + 2 for column in range(len(rows[0])))
        if parts[-1] and needed > width:
            parts.append([])
        parts[-1].append(metric)
    return [replace(block, metrics=tuple(metrics)) for metrics in parts]


def _closing(board: Leaderboard) -> list[str]:
    return [_LEGEND, *marks.legend(board.blocks), *board.sources, *board.notes] if board.blocks else list(board.notes)


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return _number(figure.mean) if figure.std is None else f"{_number(figure.mean)} ±{_number(figure.std)}"


def _change(difference: float | None, figure: Figure | None) -> str:
    """Absolute, and relative to the baseline where that is not zero."""
    if difference is None or figure is None:
        return ""
    base = figure.mean - difference
    return f"{_signed(difference)} {difference / base:+.0%}" if base else _signed(difference)


def _number(value: float) -> str:
    """Four decimals; a zero before the point is left out, as tables of this field do."""
    if math.isnan(value):
        return "nan"
    text = f"{value:.4f}"
    return text.replace("0.", ".", 1) if abs(value) < 1 and not text.lstrip("-").startswith("1") else text


def _signed(value: float) -> str:
    return f"{'-' if round(value, 4) < 0 else '+'}{_number(abs(value))}"


def _row_as_json(row: Row) -> dict[str, Any]:
    return {
        "recipe": row.recipe,
        "variant": row.variant,
        "cell": row.cell,
        "label": row.label,
        "runs": row.runs,
        "seeds": row.seeds,
        "leaky": row.leaky,
        "figures": {metric: {"mean": figure.mean, "std": figure.std, "n": figure.n} for metric, figure in row.figures.items()},
        "baseline": row.baseline,
        "differences": row.differences,
        "tests": {metric: _test_as_json(test) for metric, test in row.tests.items()},
        "published": [{"source": beside.source, "values": beside.values, "differences": beside.differences} for beside in row.published],
    }


def _test_as_json(test: Comparison) -> dict[str, Any]:
    def both(value: PValue | None) -> dict[str, float] | None:
        return None if value is None else {"p": value.raw, "corrected": value.corrected}

    return {"against": test.against, "users": test.users, "over_users": both(test.over_users), "over_seeds": both(test.over_seeds)}


def _finite(value: Any) -> Any:
    """The same, with null for what JSON has no number for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
