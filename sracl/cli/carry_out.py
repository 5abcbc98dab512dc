"""`sracl carry-out`: what a job of the queue starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    plan: Annotated[Path, typer.Argument(help="A plan that was written down when its run was queued.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Carry out a plan as it was written down, whatever its recipe says now."""
    import json

    from sracl.cli.run import carry_out
    from sracl.errors import DataError
    from sracl.recipes.plan import Plan

    try:
        read = Plan.of_json(json.loads(plan.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{plan} is no plan of this version of sracl ({error}). Queue the recipe again.") from error
    raise typer.Exit(carry_out(read, device=device))
