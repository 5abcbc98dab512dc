"""`sracl run`: carry out a recipe, or go on where it stopped."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from sracl import listing
from sracl.cli import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sracl.errors import SraclError
    from sracl.recipes.plan import Plan
    from sracl.runs.execute import Result


def command(
    context: typer.Context,
    recipes: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE...", help="Recipe files, or names of shipped ones such as methods/sracl.", autocompletion=complete.recipes
        ),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-s",
            metavar="PATH=VALUE",
            help="Override one value, e.g. objective.cross.weight=0.05. Repeatable.",
            autocompletion=complete.settings,
        ),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Seeds instead of the recipe's: 2024,2025, or a count such as 3 (the first three from 2024).")
    ] = None,
    tuned: Annotated[
        bool, typer.Option("--tuned", help="Of a [sweep] whose trials are done only what validation has chosen, e.g. with more --seeds.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", envvar="SRACL_DEVICE")] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Show the runs, what is cached and the time to expect; do nothing.")
    ] = False,
    detached: Annotated[
        bool, typer.Option("--detach", "-d", help="Let the runs wait for devices as jobs (`sracl queue`), and return at once.")
    ] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first failed run.")] = False,
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost",
            min=0,
            metavar="USD",
            help="US dollars that texts of language models may cost, those paid before included.",
            envvar="SRACL_MAX_COST",
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: stored answers of language models alone.", envvar="SRACL_OFFLINE")
    ] = False,
    max_time: Annotated[
        str | None,
        typer.Option(
            "--max-time",
            metavar="TIME",
            help="End after so long, such as 3h50m, with a checkpoint and exit code 75; the same command goes on.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the leaderboard.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the leaderboard (or the dry run, or the jobs) as JSON.")] = False,
) -> None:
    """Carry out recipes; runs that are done already are not repeated, an interrupted one goes on where it stopped.

    Of several recipes all are checked, with their data, before the first trains; --set and --seeds hold for each of them.

    Exit codes: 0 all done, 1 every run failed (or the code of the reason), 3 recipe invalid, 4 data missing, 5 no space,
    6 another process trains a run or a package is missing, 7 some runs failed, 75 its time is up, 130 Ctrl-C, 143 SIGTERM.
    """
    until = None if max_time is None else _moment_after(max_time)
    plans = planned(recipes, sets=sets or (), seeds=seeds_from(seeds))
    if tuned:
        plans = _chosen(plans, planned(recipes, sets=sets or ()))
    if dry_run:
        from sracl.runs.preview import preview

        typer.echo(preview(*plans, as_json=as_json))
        return
    if detached:
        if max_time is not None:
            raise typer.BadParameter(
                "jobs of the queue end by themselves, or by `sracl queue cancel`; leave it out with --detach.", param_hint="--max-time"
            )
        if fail_fast:
            raise typer.BadParameter("jobs of the queue do not wait for one another; leave it out with --detach.", param_hint="--fail-fast")
        for name in ("max_cost", "offline"):
            if (source := context.get_parameter_source(name)) and source.name == "COMMANDLINE":
                raise typer.BadParameter(
                    "jobs of the queue know the recipe and the environment alone: SRACL_MAX_COST and SRACL_OFFLINE are theirs, too. Or "
                    "let `sracl llm run` write the texts first.",
                    param_hint=f"--{name.replace('_', '-')}",
                )
        detach(plans, device=device, as_json=as_json)
        return
    demand_data(plans)
    code = carry_out(
        plans, device=device, fail_fast=fail_fast, quiet=quiet, as_json=as_json, max_cost=max_cost, offline=offline, until=until
    )
    raise typer.Exit(code)


def _moment_after(length: str) -> float:
    """When so much time from now has passed, by `time.monotonic`.

    Raises:
        UsageError: That is no length of time, or none at all.
    """
    import time

    from sracl.compare.wording import length_of_time
    from sracl.errors import UsageError

    seconds = length_of_time(length).total_seconds()
    if not seconds:
        raise UsageError(f"--max-time {length} leaves no time for anything.")
    return time.monotonic() + seconds


def planned(recipes: Sequence[str], *, sets: Sequence[str] = (), seeds: Sequence[int] | None = None) -> list[Plan]:
    """The plans of recipes, each recipe once, for whose runs all packages are here.

    Raises:
        ResourceError: Packages are not installed; all of them.
        UsageError: There is no such recipe; where there are several, with everything that is wrong with the others.
        RecipeError: Everything that is wrong with all of them.
    """
    from sracl.errors import RecipeError, ResourceError, UsageError
    from sracl.recipes.plan import plan
    from sracl.runs.readiness import demand_packages

    plans: list[Plan] = []
    refused: list[UsageError | RecipeError] = []
    for recipe in dict.fromkeys(recipes):
        try:
            plans.append(plan(recipe, sets=sets, seeds=seeds))
        except (UsageError, RecipeError) as error:
            refused.append(error)
    broken = [error for error in refused if isinstance(error, RecipeError)]
    if len(refused) == 1:
        raise refused[0]
    if len(broken) < len(refused):
        raise UsageError("\n".join(map(str, refused)))
    if broken:
        raise RecipeError.of_several(broken)
    _demand(demand_packages, plans, ResourceError)
    return plans


def _chosen(wanted: Sequence[Plan], trials: Sequence[Plan]) -> list[Plan]:
    """Of plans what validation has chosen among the trials of the same recipes.

    Raises:
        UsageError: A recipe has no sweep, or trials are still to be done.
    """
    from sracl import paths
    from sracl.compare.chosen import chosen
    from sracl.tracking.reader import Reader

    left = []
    with Reader.open(paths.store_file()) if paths.store_file().is_file() else nullcontext() as store:
        for plan, tried in zip(wanted, trials, strict=True):
            kept, notes = chosen(store, tried, plan)
            left.append(kept)
            print("\n".join(f"{plan.name}: {note}." for note in notes), file=sys.stderr)
    return left


def demand_data(plans: Sequence[Plan]) -> None:
    """Refuse to begin the first of several plans while the data of another are absent; a single one sees to that by itself.

    Raises:
        DataError: All that is absent.
    """
    from sracl.errors import DataError
    from sracl.jobs import enqueue

    _demand(enqueue.demand_data, plans if len(plans) > 1 else (), DataError)


def _demand(demand: Callable[[Plan], None], plans: Sequence[Plan], refusal: type[SraclError]) -> None:
    """Have each plan looked at before it is said what is wrong with any."""
    refused = []
    for plan in plans:
        try:
            demand(plan)
        except refusal as error:
            refused.append(str(error))
    if refused:
        raise refusal("\n".join(dict.fromkeys(refused)))


def detach(plans: Sequence[Plan], *, device: str, priority: int = 0, as_json: bool = False) -> None:
    """Let the runs of plans wait for devices, and print their jobs.

    Raises:
        DataError: Data sets are absent; nothing is queued then.
        UsageError: A queue cannot promise the device, or `SRACL_SLOTS` is no number of jobs.
    """
    from sracl import paths
    from sracl.devices import slots_asked_for
    from sracl.errors import UsageError
    from sracl.jobs.enqueue import enqueue
    from sracl.jobs.workers import ensure_worker
    from sracl.tracking.store import Store

    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(
            f"A queue chooses among devices itself: it takes auto, cpu or cuda, got '{device}'. CUDA_VISIBLE_DEVICES limits it."
        )
    slots_asked_for()  # no worker would begin what is queued
    demand_data(plans)
    with Store.open(paths.store_file()) as store:
        entered = [entry for plan in plans for entry in enqueue(store, plan, device=device, priority=priority)]
    if any(entry.job for entry in entered):
        ensure_worker()
    if as_json:
        print(
            listing.as_json([{"id": entry.job, "run_id": entry.run_id, "label": entry.label, "status": entry.status} for entry in entered])
        )
        return
    print(listing.aligned([["job", "run", "what", ""], *([str(e.job or ""), e.run_id, e.label, e.status] for e in entered)], left=4))
    print(
        "`sracl queue ls` and `sracl tui` show them, `sracl queue wait` waits for them, `sracl logs -f JOB` follows one.", file=sys.stderr
    )


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


def seeds_from(text: str | None) -> list[int] | None:
    """`2024,2025` as listed; a single small number as that many seeds from 2024.

    Raises:
        UsageError: It is neither.
    """
    from sracl.errors import UsageError

    if text is None:
        return None
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(f"--seeds takes integers such as 2024,2025 or a count such as 3, got {text!r}.") from error
    if len(numbers) == 1 and 0 < numbers[0] < 1000:
        return [2024 + offset for offset in range(numbers[0])]
    return numbers
