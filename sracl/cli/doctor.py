"""`sracl doctor`: whether everything is in order here."""

from __future__ import annotations

from typing import Annotated

import typer

from sracl import listing


def command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look at devices, disks, the store, plug-ins, keys and the terminal, and say how to mend what is wrong.

    Nothing is written. Exit codes: 0 without a problem (warnings are none), 9 plug-in, 8 store, 5 disk, 1 anything else.
    """
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
