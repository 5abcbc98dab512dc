"""`sracl note`: what its user has to say of a run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sracl.cli import complete


def command(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="How the id of a run begins, @last or @best:METRIC.", autocompletion=complete.runs)
    ],
    text: Annotated[
        str | None, typer.Argument(help='The note, in place of the one it has; "" takes that away.', show_default="print the note")
    ] = None,
) -> None:
    """Keep a note on a run, or print the one it has.

    `sracl show` and the terminal interface show it. It changes nothing about the run, and travels with it in `sracl export`.
    """
    from sracl import paths
    from sracl.cli.names import runs_named
    from sracl.tracking import tagging
    from sracl.tracking.reader import Reader
    from sracl.tracking.store import Store

    with Reader.open(paths.store_file()) as reader:
        (meant,) = runs_named(reader, [run])
    if text is None:
        if meant.note:
            print(meant.note)
        else:
            print(f"Run {meant.id} has no note.", file=sys.stderr)
        return
    with Store.open(paths.store_file()) as store:
        tagging.note(store, meant.id, text.strip())
