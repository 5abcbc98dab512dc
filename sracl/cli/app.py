"""The command line: what stands before a command, and what an error looks like. `commands` has the commands.

A command is a module of this package that imports nothing but typer and the standard library at its top; what it needs it
imports when it is called.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from sracl import letters, paths
from sracl.cli.commands import Commands
from sracl.errors import NO_SPACE, BudgetError, RecipeError, SraclError
from sracl.listing import as_json as in_json

app = typer.Typer(
    name="sracl",
    cls=Commands,
    help="Contrastive sequential recommendation with semantic neighbours: recipes in, leaderboards out.",
    epilog="Start with: sracl run quickstart",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"sracl {version('sracl')}")
        except PackageNotFoundError:
            typer.echo("sracl, run from its source without being installed")
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")]


@app.callback()
def _options(version: _Version = False) -> None:
    """Hold what stands before the command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (by default the process's own).

    What sracl raises on purpose is reported on stderr without a traceback (`SRACL_LOG=debug` shows it); anything else is
    a defect and keeps its traceback. Where JSON was asked for, stdout has the errors as well: `data` is null then.

    Returns:
        The exit code: 0, that of the error, 5 for a full disk, 130 after Ctrl-C; 2 for a line that cannot be understood.
    """
    letters.spell(sys.stdout)
    as_json = _asks_for_json(sys.argv[1:] if arguments is None else arguments)
    try:
        # `use = "my_lab.models:Mine"` finds the project's own modules; last, so that they can shadow nothing installed
        sys.path.append(str(paths.project()))
        app(args=None if arguments is None else list(arguments), prog_name="sracl")
    except SystemExit as left:
        if not isinstance(left.code, int):
            raise
        refused = getattr(left.__context__, "format_message", None)  # typer, which has said so on stderr, leaves with it
        if as_json and refused is not None:
            print(in_json(None, [refused()]))
        return left.code
    except SraclError as error:
        return _report(error, as_json=as_json)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        where = f" for {error.filename}" if error.filename else ""
        full = BudgetError(f"No space is left on the disk{where}. Free some and run the same command: it resumes.")
        full.__cause__ = error
        return _report(full, as_json=as_json)
    return 0


def _asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, as `--json` or as a format."""
    options = list(words[: words.index("--")] if "--" in words else words)
    formats = zip(options, options[1:], strict=False)
    return "--json" in options or "--format=json" in options or any(pair in (("--format", "json"), ("-f", "json")) for pair in formats)


def _report(error: SraclError, *, as_json: bool) -> int:
    if as_json:
        print(in_json(None, list(map(str, error.problems)) if isinstance(error, RecipeError) else [str(error)]))
    if os.environ.get("SRACL_LOG", "").lower() == "debug":
        traceback.print_exception(error, file=sys.stderr)
    else:
        print(error, file=sys.stderr)
    return error.exit_code
