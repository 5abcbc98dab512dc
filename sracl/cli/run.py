"""`sracl run`: carry out a recipe, or go on where it stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from sracl.cli import complete


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
    from sracl.cli.carry_out import carry_out
    from sracl.cli.detach import detach
    from sracl.cli.planning import chosen, demand_data, moment_after, planned, seeds_from

    until = None if max_time is None else moment_after(max_time)
    plans = planned(recipes, sets=sets or (), seeds=seeds_from(seeds))
    if tuned:
        plans = chosen(plans, planned(recipes, sets=sets or ()) if seeds else plans)
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
