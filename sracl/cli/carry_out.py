"""Carrying plans out, as `sracl run` does; and `sracl carry-out`, which does so with a plan that a job of the queue was given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sracl import listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.recipes.plan import Plan
    from sracl.runs.execute import Result


def command(
    plan: Annotated[Path, typer.Argument(help="A plan that was written down when its run was queued.")],
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    max_cost: Annotated[float | None, typer.Option(min=0, envvar="SRACL_MAX_COST", help="As of `sracl run`.")] = None,
    offline: Annotated[bool, typer.Option("--offline", envvar="SRACL_OFFLINE", help="As of `sracl run`.")] = False,
) -> None:
    """Carry out a plan as it was written down, whatever its recipe says now; refused where sracl or a plug-in is another version now."""
    import json

    from sracl.errors import DataError
    from sracl.recipes import plan as written
    from sracl.recipes.digest import replaced

    try:
        read = written.Plan.of_json(json.loads(plan.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{plan} is no plan of this version of sracl ({error}). Queue the recipe again.") from error
    # what other code computes is another run, and a checkpoint is gone on with only by the code that wrote it
    for owner, (then, now) in sorted({change for run in read.runs for change in replaced(run.code).items()}):
        raise DataError(
            f"This run was queued with {owner} {then}, and it is {now} now, which makes it another run: `sracl run` with its recipe, "
            f"{read.source}, and --detach queues that one. With {owner} {then} again, `sracl queue retry` goes on with this one."
        )
    raise typer.Exit(carry_out([read], device=device, max_cost=max_cost, offline=offline))


def carry_out(
    plans: Sequence[Plan],
    *,
    device: str,
    fail_fast: bool = False,
    quiet: bool = False,
    as_json: bool = False,
    max_cost: float | None = None,
    offline: bool = False,
    until: float | None = None,
) -> int:
    """Do the runs of plans that are not done, plan by plan, and print the leaderboard; the exit code.

    `until` is when it is to end with what it has, by `time.monotonic`.
    """
    from sracl import paths
    from sracl.compare.leaderboard import print_leaderboard
    from sracl.runs.entries import count_imported, enter, is_done, run_id
    from sracl.runs.screen import Screen
    from sracl.tracking.store import Store

    results: list[Result] = []
    with Store.open(paths.store_file()) as store, Screen(quiet=quiet) as screen:
        left = [plan for plan in plans if not all(is_done(store, run) for run in plan.runs)]
        for plan in plans:
            imported = count_imported(store, plan)
            if plan not in left:
                from_others = f", {imported} of them imported" if imported else ""
                done = "its run is done" if len(plan.runs) == 1 else f"{len(plan.runs)} of {len(plan.runs)} runs are done"
                screen.line(f"{plan.name}: nothing left to do, {done}{from_others}.")
                enter(store, plan)
            elif imported:
                screen.line(f"{plan.name}: {imported} of {len(plan.runs)} runs {'is' if imported == 1 else 'are'} done, imported.")
        if left:  # else torch stays unloaded: there is nothing to train
            _wait_briefly()
            from sracl.llm_providers.allowance import Allowance
            from sracl.runs.execute import demand, execute
            from sracl.runs.signals import OutOfTime, Terminated

            allowance = Allowance(max_cost=max_cost, offline=offline)
            try:
                if len(left) > 1:
                    demand(left, device=device, allowance=allowance)
                    for plan in left:  # so that lists show the runs of all meanwhile
                        enter(store, plan)
                for plan in left:
                    results += execute(plan, store, screen, device=device, fail_fast=fail_fast, allowance=allowance, until=until)
                    if fail_fast and any(result.status == "failed" for result in results):
                        break
            except (KeyboardInterrupt, Terminated) as stop:
                why = "the time of --max-time is up" if isinstance(stop, OutOfTime) else "interrupted"
                told = f"{why}; run the same command to go on from the last checkpoint."
                screen.line(told)
                if as_json:
                    print(listing.as_json(None, [told]))
                return stop.exit_code if isinstance(stop, Terminated) else 130
    with Store.open(paths.store_file()) as store:
        run_ids = {run_id(run) for plan in plans for run in plan.runs}
        print_leaderboard(store, [plan.name for plan in plans], run_ids=run_ids, as_json=as_json, errors=_lost(results))
    return _exit_code(results)


def _wait_briefly() -> None:
    """Let threads that wait for one another give way early, unless the user has said how they should wait.

    By default GNU's OpenMP spins for a millisecond at each of the thousands of meeting points of a step. Where another process
    takes one of two cores, the thread that is waited for does not get to run: a SASRec step of 21 ms then took over a second,
    and 116 ms with this; alone it takes 23 ms either way. To be set before torch is loaded.
    """
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ["GOMP_SPINCOUNT"] = "10000"


def _lost(results: list[Result]) -> list[str]:
    """Which runs were not trained, and why."""
    lost = sorted((result for result in results if result.status in ("failed", "busy")), key=lambda result: result.status == "busy")
    return [f"{result.label}: {result.status}: {result.reason}" for result in lost]


def _exit_code(results: list[Result]) -> int:
    for line in _lost(results):
        typer.echo(line, err=True)
    failed = [result for result in results if result.status == "failed"]
    busy = [result for result in results if result.status == "busy"]
    if failed:
        return failed[0].code if len(failed) == len(results) else 7
    return busy[0].code if busy else 0
