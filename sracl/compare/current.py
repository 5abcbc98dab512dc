"""Which runs are what recipes come to as they stand now: those of their variants that have the values they give them today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sracl.compare.leaderboard import recipe_names
from sracl.compare.rows import in_one_line
from sracl.errors import RecipeError, UsageError
from sracl.recipes.plan import plan
from sracl.recipes.shipped import find
from sracl.tracking import queries
from sracl.tracking.values import canonical_cell
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.recipes.plan import RunPlan
    from sracl.tracking.queries import EntryRow
    from sracl.tracking.reader import Reader


@dataclass(frozen=True)
class Current:
    """What is left of the runs of some recipes."""

    places: frozenset[EntryRow]
    notes: tuple[str, ...]
    """What is left out."""


def current(store: Reader, recipes: Sequence[str]) -> Current:
    """Places of recipes whose runs have the values that the recipe has now, of any seed and on any data set that it was run on.

    Args:
        store: Where the runs are.
        recipes: Names or files.

    Raises:
        UsageError: No run of such a recipe is here, or its file is gone.
        RecipeError: Something is wrong with one.
    """
    known = queries.recipes(store)
    kept: list[EntryRow] = []
    notes: list[str] = []
    for text, name in zip(recipes, recipe_names(recipes, store), strict=True):
        places = queries.entries(store, [name])
        runs = {run.id: run for run in queries.runs(store, ids={place.run_id for place in places})}
        planned, refused = _planned(_file(text, known[name].source if name in known else text), places)
        values = {(_place(run), in_one_line(run.values)) for run in planned}
        digests = {(_place(run), run.digest) for run in planned}  # the same though values differ that decide nothing, such as timeouts
        left = {place.run_id for place in places if place.run_id in runs and runs[place.run_id].state == "completed"}
        for place in (place for place in places if place.run_id in runs):
            at, run = (place.variant, place.cell, place.dataset), runs[place.run_id]
            if (at, in_one_line(run.values)) in values or (at, run.digest) in digests:
                kept.append(place)
                left.discard(run.id)
        if left:
            notes.append(f"{how_many(len(left), 'finished run')} of {name} left out: the recipe does not come to them as it stands.")
        notes += [f"{name} cannot be run on {dataset} as it stands: {error.problems[0]}" for dataset, error in refused.items()]
    return Current(frozenset(kept), tuple(notes))


def _file(text: str, source: str) -> str:
    """The recipe that was typed, or where it was read from when it was last run."""
    try:
        find(text)
    except UsageError:
        return source
    return text


def _planned(recipe: str, places: Sequence[EntryRow]) -> tuple[list[RunPlan], dict[str, RecipeError]]:
    """What a recipe comes to with all seeds that it was run with, on its own data sets and on others; and on which it is refused."""
    seeds = sorted({place.seed for place in places})
    runs = [*plan(recipe, seeds=seeds).runs]
    own = {run.values["data"]["name"] for run in runs}
    refused: dict[str, RecipeError] = {}
    for dataset in dict.fromkeys(place.dataset for place in places if place.dataset not in own):
        try:
            runs += plan(recipe, sets=[f"data.name={dataset}"], seeds=seeds).runs
        except RecipeError as error:
            refused[dataset] = error
    return runs, refused


def _place(run: RunPlan) -> tuple[str, str, str]:
    return run.variant, canonical_cell(run.cell), run.values["data"]["name"]
