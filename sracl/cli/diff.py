"""`sracl diff`: what tells runs apart."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sracl.cli import complete

if TYPE_CHECKING:
    from sracl.compare.diff import Diff


def command(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...", help="Two or more runs: ids, the beginnings of ids, @last or @best:METRIC.", autocompletion=complete.runs
        ),
    ],
    everything: Annotated[bool, typer.Option("--all", "-a", help="Also what is the same in all of them.")] = False,
    section: Annotated[
        list[str] | None, typer.Option(help="Only this part: run, values, data, environment or metrics. Repeatable.")
    ] = None,
    format: Annotated[Literal["table", "markdown", "json"], typer.Option("--format", "-f", help="How to print it.")] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="Short for --format json.")] = False,
) -> None:
    """Show what differs between runs: state, values and where they were set, data, environment, final figures."""
    from sracl import paths
    from sracl.compare import render_diff
    from sracl.compare.diff import diff, named
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        if store.notice:
            print(store.notice, file=sys.stderr)
        found = diff(store, runs, sections=named(section or ()), everything=everything)
    if as_json or format == "json":
        print(render_diff.as_json(found))
    elif format == "markdown":
        print(render_diff.as_markdown(found))
    else:
        _print_table(found)


def _print_table(found: Diff) -> None:
    from sracl.cli.columns import print_columns
    from sracl.compare import render_diff

    for run in found.runs:
        print(f"{run.id}  {run.label}: {run.state}")
    for section in found.sections:
        if section.lines:
            print()
            print_columns(render_diff.headers(found, section), render_diff.rows(found, section))
    if render_diff.is_empty(found):
        print(f"\n{render_diff.nothing(found)}")
