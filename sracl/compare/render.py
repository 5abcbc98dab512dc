"""A leaderboard as text: a table for people, Markdown and LaTeX for what they write, CSV and JSON for programs."""

from __future__ import annotations

import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TextIO

from sracl import listing
from sracl.compare import cost, differences, marks
from sracl.compare.differences import differences_of
from sracl.compare.lines import Line, closing, header_of, lines_of
from sracl.compare.render_csv import as_csv
from sracl.compare.render_latex import as_latex
from sracl.tracking import protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sracl.compare.board import Block, Comparison, Leaderboard, PValue, Row
    from sracl.compare.differences import Differences
    from sracl.evaluation.significance import Interval

Format = Literal["table", "markdown", "latex", "csv", "json"]
FORMATS: tuple[Format, ...] = ("table", "markdown", "latex", "csv", "json")


def render(board: Leaderboard, format: Format) -> str:
    """The leaderboard as plain text in one of the formats, without a newline at its end."""
    return {"table": as_table, "markdown": as_markdown, "latex": as_latex, "csv": as_csv, "json": as_json}[format](board)


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
        for told in differences_of(block):
            console.print(Text(told.heading, style="bold"))
            console.print(Text(_fitted(told, console.width)), soft_wrap=True)
        for note in block.notes:
            console.print(Text(f"  {note}", style="dim"))
        console.print()
    for taken in board.costs:
        console.print(Text(cost.aligned(taken)), soft_wrap=True)
        console.print()
    for remark in _closing(board):
        console.print(Text(remark, style="dim"))


def as_table(board: Leaderboard, *, width: int | None = None, signs: Mapping[str, str] | None = None) -> str:
    """Aligned columns, nothing but text; cut between metrics where a block is wider than `width`, and labels wrapped.

    Args:
        board: What to print.
        width: Of the terminal, in cells.
        signs: Metric -> what stands behind its title.
    """
    parts: list[str] = []
    for block in board.blocks:
        parts.append(block.heading)
        for part in [block] if width is None else _parts(block, width, signs):
            header, lines = _columns(part, signs)
            rows = [[line.label, *line.cells] for line in lines]
            parts.append(listing.aligned([header, *(rows if width is None else _wrapped(rows, _label_width(width)))]))
        for told in differences_of(block):
            parts += [told.heading, _fitted(told, width or differences.WIDTH)]
        parts += [*(f"  {note}" for note in block.notes), ""]
    for table in board.costs:
        parts += [cost.aligned(table), ""]
    return "\n".join([*parts, *_closing(board)])


def as_markdown(board: Leaderboard) -> str:
    """One table a block; the best value of a column is bold."""
    parts: list[str] = []
    for block in board.blocks:
        header = header_of(block)
        parts += [f"### {escaped(block.heading)}", "", piped(header), piped(["---", *["---:"] * (len(header) - 1)])]
        for line in lines_of(block):
            plain = [f"**{cell}**" if best else cell for cell, best in zip(line.cells, line.best, strict=True)]
            cells = [cell + mark for cell, mark in zip(plain, line.marks or ("",) * len(plain), strict=True)]
            label = escaped(line.label.strip())
            parts.append(piped([f"*{label}*" if line.is_aside else label, *cells]))
        for told in differences_of(block):
            ruled = [told.header, ("---", *["---:"] * (len(told.header) - 1)), *told.rows]
            parts += ["", escaped(told.heading), "", *(piped(map(escaped, row)) for row in ruled)]
        parts += ["", *(f"- {escaped(note)}" for note in block.notes), *([""] if block.notes else [])]
    for table in board.costs:
        rows = [piped(list(map(escaped, row.cells))) for row in table.rows]
        parts += [f"### {escaped(table.heading)}", "", piped(cost.HEADER), piped(["---", *["---:"] * (len(cost.HEADER) - 1)]), *rows, ""]
        parts += [*(f"- {escaped(note)}" for note in table.notes), *([""] if table.notes else [])]
    return "\n".join([*parts, *map(escaped, _closing(board))])


def as_json(board: Leaderboard, errors: Sequence[str] = ()) -> str:
    """`{"schema": 1, "data": [block, …], "errors": [error, …, note, …]}`; figures unrounded, null where a value is not a number."""
    taken = {row.runs: {"cost": cost.as_json(row)} for table in board.costs for row in table.rows}
    data = [
        {
            "dataset": block.dataset,
            "protocol": {"fingerprint": block.fingerprint, "words": protocol.in_words(block.protocol), **block.protocol},
            "split": block.split,
            "group": block.group,
            "users": block.users,
            "metrics": block.metrics,
            "significance": marks.tests_in_words(block),
            "rows": [_row_as_json(row) | taken.get(row.runs, {}) for row in block.rows],
            "notes": block.notes,
        }
        for block in board.blocks
    ]
    return listing.as_json(data, [*errors, *board.notes])


def escaped(text: str) -> str:
    """Text that means in Markdown what it says."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def piped(cells: Iterable[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def _closing(board: Leaderboard) -> list[str]:
    return [*closing(board), *differences.legend(board)]


def _fitted(told: Differences, width: int) -> str:
    return "\n".join(listing.aligned(part) for part in differences.fitted(told, min(width, differences.WIDTH)))


def _columns(block: Block, signs: Mapping[str, str] | None = None) -> tuple[list[str], list[Line]]:
    """Header and lines, every column but the labels as wide as its widest cell; marks stand behind the figures, which stay aligned."""
    lines = lines_of(block)
    corner, number, *titles = header_of(block)
    titles = [title + (signs or {}).get(metric, "") for title, metric in zip(titles, block.metrics, strict=True)]
    marked = [any(line.marks and line.marks[place] for line in lines) for place in range(len(block.metrics) + 1)]
    cells = [[number, *titles], *([*line.cells] for line in lines)]
    behind = [("",) * len(marked), *(line.marks or ("",) * len(marked) for line in lines)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(marked))]
    padded = [
        tuple(
            cell.rjust(width) + (mark or " ") * has_marks
            for cell, mark, width, has_marks in zip(row, row_marks, widths, marked, strict=True)
        )
        for row, row_marks in zip(cells, behind, strict=True)
    ]
    return [corner, *padded[0]], [replace(line, cells=row) for line, row in zip(lines, padded[1:], strict=True)]


def _parts(block: Block, width: int, signs: Mapping[str, str] | None = None) -> list[Block]:
    """The block, cut between metrics where it is wider than the terminal; every part has at least one metric."""
    parts: list[list[str]] = [[]]
    for metric in block.metrics:
        wider = replace(block, metrics=(*parts[-1], metric))
        header, lines = _columns(wider, signs)
        rows = [header, *([line.label, *line.cells] for line in lines)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        needed = min(widths[0], _label_width(width)) + sum(widths[1:]) + 2 * len(widths)
        if parts[-1] and needed > width:
            parts.append([])
        parts[-1].append(metric)
    return [replace(block, metrics=tuple(metrics)) for metrics in parts]


def _label_width(width: int) -> int:
    """Columns that labels may take: rows that differ in many values have long ones, and figures are what is looked for."""
    return max(16, width // 2)


def _wrapped(rows: Sequence[Sequence[str]], width: int) -> Iterator[list[str]]:
    """Rows whose labels are wrapped, the rest of one below its figures."""
    for label, *cells in rows:
        first, *rest = [label] if len(label) <= width else textwrap.wrap(label, width, subsequent_indent="    ")
        yield [first, *cells]
        yield from ([line, *("" for _ in cells)] for line in rest)


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
    def told(value: PValue | None, within: Interval | None) -> dict[str, Any] | None:
        if value is None:
            return None
        interval = {"interval": within and [within.low, within.high], "relative_interval": within and within.relative}
        return {"p": value.raw, "corrected": value.corrected, **interval}

    return {
        "against": test.against,
        "users": test.users,
        "seeds": test.seeds,
        "difference": test.difference,
        "relative": test.relative,
        "over_users": told(test.over_users, test.range_over_users),
        "over_seeds": told(test.over_seeds, test.range_over_seeds),
    }
