"""Prints rows in columns: a table on a terminal, aligned text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import indent as indented

from sracl import listing
from sracl.plain import on_one_line


def print_columns(headers: Sequence[str], rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Print rows to stdout.

    On a terminal the last column is wrapped to its width; in a pipe every row is one line, so that it can be searched.

    Args:
        headers: One name per column.
        rows: Texts, as many per row as there are headers.
        indent: What every line of aligned text starts with.
    """
    if not sys.stdout.isatty():
        print(indented(listing.aligned([headers, *rows], left=len(headers)), indent))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, header in enumerate(headers):
        table.add_column(header, overflow="fold", no_wrap=place == 0)
    for row in rows:
        table.add_row(*(Text(on_one_line(cell)) for cell in row))  # no markup: ranges such as [0, 1) are meant as they stand
    Console().print(table)
