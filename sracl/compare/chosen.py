"""What validation has chosen among the trials of a sweep, to be carried out with other seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sracl.compare.leaderboard import leaderboard
from sracl.errors import UsageError
from sracl.runs.entries import label, run_id
from sracl.tracking import queries
from sracl.tracking.values import canonical_cell
from sracl.wording import how_many

if TYPE_CHECKING:
    from sracl.recipes.plan import Plan
    from sracl.tracking.reader import Reader


def chosen(store: Reader | None, trials: Plan, wanted: Plan) -> tuple[Plan, list[str]]:
    """Of a recipe's runs those at the points that validate best, for every variant and data set, under the protocol of its recipe.

    Args:
        store: Where the trials are; None where nothing was run yet.
        trials: The recipe with the seeds that it was tried with.
        wanted: The same recipe with the seeds to be run.

    Returns:
        What is left of the wanted runs, and what to say of the choice.

    Raises:
        UsageError: The recipe has no sweep, trials are still to be done, or every one of them failed.
    """
    if "tuned" not in trials.report:
        raise UsageError(
            f"{trials.source} has no [sweep], whose metric says by what validation chooses. A table [sweep] with "
            'metric = "valid.ndcg@20" alone chooses among the points of [matrix].'
        )
    states = {run.id: run for run in queries.runs(store, ids={run_id(run) for run in trials.runs})} if store else {}
    left = [run for run in trials.runs if run_id(run) not in states or states[run_id(run)].state not in ("completed", "failed")]
    if left or store is None:
        raise UsageError(
            f"{how_many(len(left), 'trial')} of {len(trials.runs)} of {trials.name} {'is' if len(left) == 1 else 'are'} still to be done, "
            f"such as {label(left[0])}. `sracl run` without --tuned does them; then validation can choose."
        )
    failed = [run for run in trials.runs if states[run_id(run)].state == "failed"]
    notes = [f"{label(run)} failed and takes no part: {states[run_id(run)].reason}" for run in failed]
    if len(failed) == len(trials.runs):
        raise UsageError(
            f"Every trial of {trials.name} failed: there is nothing to choose among. Such as {label(failed[0])}: "
            f"{states[run_id(failed[0])].reason}"
        )
    board = leaderboard(store, [trials.name], with_published=False, run_ids=set(states))
    protocols = {(run.values["data"]["name"], run.values["evaluation"]["seen_items"]) for run in trials.runs}
    blocks = [block for block in board.blocks if (block.dataset, block.protocol.get("seen_items")) in protocols]
    places = {(row.variant, canonical_cell(row.cell), block.dataset) for block in blocks for row in block.rows}
    metric = str(trials.report["tuned"]).upper()
    notes += [f"{trials.name}: {row.label} validates best on {block.dataset}, by {metric}" for block in blocks for row in block.rows]
    runs = [run for run in wanted.runs if (run.variant, canonical_cell(run.cell), run.values["data"]["name"]) in places]
    with_choice = {(variant, dataset) for variant, _, dataset in places}
    without = dict.fromkeys((run.variant, run.values["data"]["name"]) for run in failed)
    notes += [
        f"{trials.name}: nothing is chosen{f' of {variant}' if variant else ''} on {dataset}, as every trial failed"
        for variant, dataset in without
        if (variant, dataset) not in with_choice
    ]
    return replace(wanted, runs=tuple(runs)), notes
