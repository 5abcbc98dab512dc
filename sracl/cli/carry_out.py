"""`sracl carry-out`: what a job of the queue starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    plan: Annotated[Path, typer.Argument(help="A plan that was written down when its run was queued.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    max_cost: Annotated[float | None, typer.Option(min=0, envvar="SRACL_MAX_COST", help="As of `sracl run`.")] = None,
    offline: Annotated[bool, typer.Option("--offline", envvar="SRACL_OFFLINE", help="As of `sracl run`.")] = False,
) -> None:
    """Carry out a plan as it was written down, whatever its recipe says now; refused where sracl or a plug-in is another version now."""
    import json

    from sracl.cli.run import carry_out
    from sracl.errors import DataError
    from sracl.recipes.digest import replaced
    from sracl.recipes.plan import Plan

    try:
        read = Plan.of_json(json.loads(plan.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{plan} is no plan of this version of sracl ({error}). Queue the recipe again.") from error
    # what other code computes is another run, and a checkpoint is gone on with only by the code that wrote it
    for owner, (then, now) in sorted({change for run in read.runs for change in replaced(run.code).items()}):
        raise DataError(
            f"This run was queued with {owner} {then}, and it is {now} now, which makes it another run: `sracl run` with its recipe, "
            f"{read.source}, and --detach queues that one. With {owner} {then} again, `sracl queue retry` goes on with this one."
        )
    raise typer.Exit(carry_out([read], device=device, max_cost=max_cost, offline=offline))
