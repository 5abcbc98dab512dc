"""Which runs a user means: by the name or file of a recipe, or by how an id begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.compare.leaderboard import recipe_names
from sracl.errors import UsageError, did_you_mean
from sracl.tracking import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader


def told_apart(store: Reader, selectors: Sequence[str]) -> tuple[list[str], list[RunRow]]:
    """Recipes and runs that are meant.

    Raises:
        UsageError: A selector is neither, or may be several runs.
    """
    recipes: list[str] = []
    runs: list[RunRow] = []
    for text in selectors:
        try:
            recipes += recipe_names([text], store)
        except UsageError as no_recipe:
            try:
                runs.append(queries.run(store, text))
            except UsageError as no_run:
                if str(no_run).startswith("There is no run"):
                    have = sorted({place.recipe for place in queries.entries(store)})
                    recipes_here = f" Recipes with runs: {', '.join(have)}." if have else ""
                    raise UsageError(
                        f"'{text}' is neither a recipe with runs here nor the beginning of a run's id."
                        f"{did_you_mean(text, have)}{recipes_here} `sracl runs` lists the runs."
                    ) from no_recipe
                raise
    return recipes, runs


def one_trained(store: Reader, selector: str) -> RunRow:
    """The one completed run that is meant, trained here: a run, or the only such run of a recipe.

    Raises:
        UsageError: There is none, there are several, or the run is not completed or was imported.
    """
    recipes, named = told_apart(store, [selector])
    if named:
        return _trained(named[0])
    (recipe,) = recipes
    places = {place.run_id: place for place in queries.entries(store, recipes)}
    every = queries.runs(store, ids=places)
    found = sorted((run for run in every if run.state == "completed"), key=lambda run: list(places).index(run.id))
    if not found:
        states = ", ".join(dict.fromkeys(run.state for run in every))
        raise UsageError(f"No run of '{recipe}' is completed; they are {states}. `sracl run` with its recipe goes on with them.")
    here = [run for run in found if not run.imported] or found
    if len(here) == 1:
        return _trained(here[0])
    bests = queries.best_watched(store, here)
    told = [f"  {run.id}  {run.label}{_best(bests.get(run.id))}" for run in here]
    raise UsageError("\n".join([f"'{recipe}' has {len(here)} completed runs. Name one of them by its id, or by how that begins:", *told]))


def _trained(run: RunRow) -> RunRow:
    """The run, if its weights may be expected here."""
    if run.state != "completed":
        raise UsageError(f"Run '{run.id}' ({run.label}) is {run.state}, and only completed runs have weights to keep.")
    if run.imported:
        raise UsageError(
            f"Run '{run.id}' ({run.label}) was imported from {run.imported}, and weights stay where they were trained. "
            f"Ask for recommendations there, or train it here: `sracl rm {run.id} --yes`, then the recipe."
        )
    return run


def _best(best: tuple[str, float] | None) -> str:
    return f"  {best[0].replace('valid.', 'valid ')} {best[1]:.4f}" if best else ""
