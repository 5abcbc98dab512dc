"""`sracl export`: runs into a file for another project, or to a server that speaks MLflow's protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sracl.cli import complete
from sracl.wording import how_many


def command(
    selectors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE|RUN]...",
            help="Recipes, by name or file, and runs, by the beginnings of their ids; by default all completed runs.",
            autocompletion=complete.runs_and_recipes,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="JSON lines; gzipped where it ends with .gz.", dir_okay=False)
    ] = None,
    patches: Annotated[
        bool,
        typer.Option("--patches", help="Also what the code of the runs had beyond its commits; written to the file only if asked for."),
    ] = False,
    mlflow: Annotated[
        str | None, typer.Option("--mlflow", metavar="URL", help="Send them to an MLflow server instead, each once however often.")
    ] = None,
) -> None:
    """Write completed runs to a file that `sracl import` takes into another project, for one leaderboard over both.

    It holds values and where they were set, figures of every epoch and final ones, the rank of every user's target, the
    environment with its packages; no weights, no texts, no data, no keys, and no absolute paths. The same runs make the same file.

    With --mlflow they go to a server instead, all but ranks and packages: a recipe is an experiment there. What is there already is
    not sent again.
    MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, say who asks.
    """
    from sracl import paths
    from sracl.cli.output import write_output
    from sracl.sharing.export import export
    from sracl.tracking.reader import Reader

    if patches and output is None:
        raise typer.BadParameter("patches go into a file, --output", param_hint="--patches")
    with Reader.open(paths.store_file()) as store:
        if output is not None and mlflow is None:
            done = write_output(output, lambda file: export(store, file, selectors or (), project=paths.project(), patches=patches))
            unfinished, told = done.unfinished, how_many(done.runs, "run")
            if done.without_ranks:
                _say(f"No ranks could be read of {', '.join(done.without_ranks)}; their figures are there.")
        elif mlflow is not None and output is None:
            from sracl.sharing.mlflow import send

            sent = send(store, mlflow, selectors or (), project=paths.project(), say=_say)
            unfinished = sent.unfinished
            told = f"{how_many(sent.new, 'run')} sent; {sent.known:,} {'was' if sent.known == 1 else 'were'} there"
        else:
            raise typer.BadParameter("give a file to write or the address of a server", param_hint="--output or --mlflow")
    if unfinished:
        _say(f"{unfinished:,} that are not completed were left out.")
    typer.echo(told)


def _say(line: str) -> None:
    print(line, file=sys.stderr)
