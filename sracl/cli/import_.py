"""`sracl import`: runs of another project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sracl.wording import how_many


def command(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files that `sracl export` wrote.", exists=True, dir_okay=False)],
    keep_ours: Annotated[
        bool, typer.Option("--keep-ours", help="Leave runs that have other figures here as they are, and import the rest.")
    ] = False,
) -> None:
    """Take runs of another project in: all of a file, or nothing. What is here already stays as it is.

    Imported runs stand in `sracl compare`, `runs`, `show`, `diff` and `tui` beside those that were trained here, and `sracl run`
    does not train them again. A run with other figures here (another device adds up in another order) has its file refused.
    """
    from sracl import paths
    from sracl.sharing.take_in import take_in
    from sracl.tracking.store import Store

    with Store.open(paths.store_file()) as store:
        for file in files:
            done = take_in(store, file, keep_ours=keep_ours)
            begun = f", {done.finished:,} of which had not been completed here" if done.finished else ""
            kept = f"; {done.kept:,} were left as they are here" if done.kept else ""
            known = f"{done.known:,} {'was' if done.known == 1 else 'were'} known"
            typer.echo(f"{file}: {how_many(done.new, 'new run')}{begun}; {known}{kept}")
