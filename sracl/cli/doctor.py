"""`sracl doctor`: whether everything is in order here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sracl import listing


def command(
    backup: Annotated[
        Path | None,
        typer.Option("--backup", metavar="FILE", help="Only copy the store to a new file, whatever writes to it.", dir_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at devices, disks, the store, plug-ins, keys and the terminal, and say how to mend what is wrong.

    Nothing is written but a backup. Exit codes: 0 without a problem (warnings are none), 9 plug-in, 8 store, 5 disk, 1 anything else.
    """
    if backup is not None:
        _back_up(backup, as_json=as_json)
        return
    from sracl.doctor.check import exit_code
    from sracl.doctor.examine import examine

    found = list(examine())
    if as_json:
        from dataclasses import asdict

        problems = [check.found for check in found if check.level == "problem"]
        told = [{name: value for name, value in asdict(check).items() if name != "exit_code"} for check in found]
        typer.echo(listing.as_json(told, problems))
    else:
        for check in found:
            typer.echo(f"{check.level:8}{check.name}: {check.found}")
            for line in filter(None, (*check.details.splitlines(), check.mend)):
                typer.echo(f"{'':8}  {line}")
    raise typer.Exit(exit_code(found))


def _back_up(file: Path, *, as_json: bool) -> None:
    """Copy the store, whole or not at all.

    Raises:
        UsageError: The file is there already, or cannot be written.
        StoreError: There is no store, or it is damaged.
    """
    from sracl import paths
    from sracl.cli.output import write_output
    from sracl.errors import UsageError
    from sracl.tracking.backup import back_up
    from sracl.wording import how_many

    if file.exists():
        raise UsageError(f"{file} is there already, and a backup replaces nothing. Name another file.")
    runs = write_output(file, lambda part: back_up(paths.store_file(), part), durable=True)
    if as_json:
        typer.echo(listing.as_json({"file": str(file), "bytes": file.stat().st_size, "runs": runs}))
    else:
        typer.echo(f"{file}: {how_many(runs, 'run')}")
