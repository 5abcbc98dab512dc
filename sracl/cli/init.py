"""`sracl init`: a folder to begin in."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

_RECIPE, _SCHEMA, _IGNORE = "recipes/my_first.toml", "recipes/recipe.schema.json", ".gitignore"

_RECIPE_TEXT = """\
#:schema ./recipe.schema.json
# SRA-CL beside SASRec, its ground, on data that comes with sracl: a minute on a processor.
#
#   sracl run recipes/my_first.toml --dry-run             # what would be run, and how long it takes
#   sracl run recipes/my_first.toml
#   sracl run recipes/my_first.toml --set train.epochs=20 # one value otherwise
#   sracl show recipes/my_first.toml --origin             # every value, and which file it is from
#
# Only what differs from the recipe that this one extends is written here. Change what you like.
recipe = 1                         # the version of the format
extends = "methods/sracl"          # where everything else is from; others: sracl list recipes
name = "my_first"                  # what tables call it
seeds = [2024]                     # a run each; of several, tables show mean and deviation: [2024, 2025, 2026]

[data]
name = "demo"                      # others: sracl data list; your own: sracl data import
max_length = 20                    # latest items of a history that the model sees

[backbone]
hidden_size = 64                   # width of an item's vector
dropout = 0.5                      # in [0, 1); more of it against learning by heart

[[objective]]
id = "cross"                       # the term that brings sequences of like meaning together
weight = 0.1                       # how much it counts; 0 leaves it out

[[objective]]
id = "intra"                       # the term that brings a sequence and one with like items together
weight = 0.1                       # as above

[[variant]]
name = "SRA-CL"                    # each variant is a row of the table at the end

[[variant]]
name = "w/o CL"                    # what is left without both terms: SASRec
set = { "objective.cross.weight" = 0.0, "objective.intra.weight" = 0.0 }   # path = value

[train]
batch_size = 128                   # sequences a step
epochs = 10                        # passes over them; methods/sracl has 100, and does better
optimizer = { use = "adam", lr = 3e-3 }   # others: sracl list optimizers

[report]
baseline = "w/o CL"                # the row that the others are compared with
published = []                     # published figures to put beside them, where data are alike: sracl list results
"""

_IGNORE_TEXT = """\
# what sracl keeps here: the store, and weights and logs of runs
.sracl/
runs/
"""


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to; made if it is not there.", file_okay=False, show_default="here")
    ] = Path(),
) -> None:
    """Begin a project: a first recipe to change, the schema by which editors complete it, and the folder that marks the project.

    Nothing is overwritten: what is there stays as it is.
    """
    from sracl.cli import schema

    texts = {_RECIPE: _RECIPE_TEXT, _SCHEMA: schema.current(), _IGNORE: _IGNORE_TEXT}
    if _made(folder / ".sracl"):
        typer.echo("written  .sracl/")
        _warn_of_others(folder.resolve())
    for name, text in texts.items():
        if _written(folder / name, text):
            typer.echo(f"written  {name}")
        else:
            typer.echo(f"kept     {name}{_missing(name, folder / name, text)}")
    typer.echo("\nNext:")
    if folder.resolve() != Path.cwd().resolve():
        typer.echo(f"  cd {shlex.quote(str(folder))}")
    typer.echo(f"  sracl run {_RECIPE} --dry-run\n  sracl run {_RECIPE}")


def _made(folder: Path) -> bool:
    """Make a folder; whether it was not there.

    Raises:
        UsageError: It cannot be made.
    """
    from sracl.errors import NO_SPACE, UsageError

    if folder.is_dir():
        return False
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise UsageError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    return True


def _written(file: Path, text: str) -> bool:
    """Write a file; whether there was nothing of its name."""
    from sracl.cli.output import write_output

    if os.path.lexists(file):
        return False
    _made(file.parent)
    write_output(file, lambda part: part.write_text(text, encoding="utf-8"))
    return True


def _missing(name: str, file: Path, text: str) -> str:
    """What is to be done about a file that was there."""
    there = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    if name == _SCHEMA and there != text:
        return f"; `sracl schema -o {name}` writes that of now"
    known = {line.strip().strip("/") for line in there.splitlines()}
    absent = [line for line in _IGNORE_TEXT.splitlines()[1:] if line.strip("/") not in known]
    return f"; add {' and '.join(absent)}" if name == _IGNORE and absent else ""


def _warn_of_others(folder: Path) -> None:
    """Say where another project has a part in what belongs to this one."""
    outer = next((above for above in folder.parents if (above / ".sracl").is_dir()), None)
    if outer is not None:
        print(f"{outer} is a project as well; what is run in {folder} belongs to the new one from now on.", file=sys.stderr)
    home = os.environ.get("SRACL_HOME")
    if home and Path(home).expanduser().resolve() != folder:
        print(f"SRACL_HOME is set, so runs belong to the project in {home}, wherever they are started.", file=sys.stderr)
