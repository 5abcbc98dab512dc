"""`sracl export`: runs into a file, for another project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sracl.wording import how_many


def command(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="JSON lines; gzipped where it ends with .gz.", dir_okay=False)
    ],
    selectors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE|RUN]...",
            help="Recipes, by name or file, and runs, by the beginnings of their ids; by default all completed runs.",
        ),
    ] = None,
) -> None:
    """Write completed runs to a file that `sracl import` takes into another project, for one leaderboard over both.

    It holds values and where they were set, figures of every epoch and final ones, the rank of every user's target and the
    environment; no weights, no texts, no data, no keys, and no absolute paths. The same runs make the same file.
    """
    from sracl import paths
    from sracl.cli.output import write_output
    from sracl.sharing.export import export
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        done = write_output(output, lambda file: export(store, file, selectors or (), project=paths.project()))
    if done.unfinished:
        print(f"{done.unfinished:,} that are not completed were left out.", file=sys.stderr)
    if done.without_ranks:
        print(f"No ranks could be read of {', '.join(done.without_ranks)}; their figures are there.", file=sys.stderr)
    typer.echo(how_many(done.runs, "run"))
