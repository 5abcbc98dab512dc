"""`sracl tag`: words to find runs by."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from sracl import listing
from sracl.cli import complete

SETTINGS = {"ignore_unknown_options": True, "help_option_names": ["--help"]}
"""Of the command: `-old` is a tag to be taken away, and no options -o, -l and -d."""


def command(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN... +TAG... -TAG...",
            help="How the ids of runs begin, @last or @best:METRIC; tags to give them, and tags to take away.",
            autocompletion=complete.runs_and_tags,
        ),
    ],
) -> None:
    """Give tags to runs, or take them away: `sracl tag 6f77 1578 +ablation -old`.

    `sracl runs --tag ablation` lists those that have one. Tags change nothing about a run, and travel with it in `sracl export`.
    """
    from sracl import paths
    from sracl.cli.names import runs_named
    from sracl.compare.wording import place
    from sracl.errors import UsageError
    from sracl.tracking import queries, tagging, tags
    from sracl.tracking.reader import Reader
    from sracl.tracking.store import Store

    if options := [word for word in words if word.startswith("--")]:
        raise UsageError(f"There is no option {options[0]}; a tag is taken away by one hyphen, as in -old.")
    references = [word for word in words if not re.match("[+-]", word)]
    if not references or len(references) == len(words):
        raise UsageError("Say which runs, and +TAG to give them a tag or -TAG to take one away, such as `sracl tag @last +ablation`.")
    with Reader.open(paths.store_file()) as reader:
        chosen = runs_named(reader, references)
    add, remove = tags.changes([word for word in words if word not in references], {name for run in chosen for name in run.tags})
    ids = [run.id for run in chosen]
    with Store.open(paths.store_file()) as store:
        tagging.tag(store, ids, add=add, remove=remove)
        told = queries.runs(store, ids=ids)
    print(listing.aligned([["run", "recipe", "data", "seed"], *([run.id, place(run), run.dataset, str(run.seed)] for run in told)], left=3))
