"""Prints rows in columns: a table on a terminal, aligned text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def print_columns(headers: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Print rows to stdout.

    On a terminal the last column is wrapped to its width; in a pipe every row is one line, so that it can be searched.

    Args:
        headers: One name per column.
        rows: Texts, as many per row as there are headers.
        indent: What every line of aligned text starts with.
    """
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for place, header in enumerate(headers):
            table.add_column(header, overflow="fold", no_wrap=place == 0)
        for row in rows:
            table.add_row(*(_escaped(cell) for cell in row))
        Console().print(table)
        return
    lines = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(headers))]
    for line in lines:
        print((indent + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))).rstrip())


def _escaped(text: str) -> str:
    """Text without rich's markup: ranges such as [0, 1) are meant as they stand."""
    from rich.markup import escape

    return escape(text)
