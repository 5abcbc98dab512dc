"""`sracl rm`: runs out of the project."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sracl import listing
from sracl.cli import complete
from sracl.wording import how_many

if TYPE_CHECKING:
    from sracl.errors import ResourceError
    from sracl.tracking.queries import RunRow
    from sracl.tracking.reader import Reader


def command(
    references: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN", help="How the ids of runs begin, @last, or @best:METRIC; `sracl runs` lists them.", autocompletion=complete.runs
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="All runs of this recipe, a name or a file.", autocompletion=complete.recipes_with_runs)
    ] = None,
    state: Annotated[
        Literal["planned", "completed", "failed", "interrupted", "cancelled"] | None,
        typer.Option(help="All runs in this state; with --recipe, those of the recipe."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Remove them. Without it, a terminal is asked and a script only told what would go.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what would go, or went, as JSON; asks nobody.")] = False,
) -> None:
    """Remove runs: figures, places in recipes, weights, checkpoints, ranks, plan and log. Without --yes, show what would go.

    Afterwards `sracl run` trains them again, imported ones too. A run that is being trained, or waits for a process or as a job,
    is not removed, and neither is any other of the same command. Texts, vectors and neighbours stay in the cache (`sracl cache gc`).
    """
    from sracl import paths
    from sracl.cli.names import runs_named
    from sracl.errors import UsageError
    from sracl.runs.removal import obstacles
    from sracl.tracking.reader import Reader

    if references and (recipe or state):
        raise UsageError(f"Either these runs, {' '.join(references)}, or all of a recipe or state, not both.")
    if recipe == "" or "" in (references or ()):  # of a variable that is not set; every id begins so
        raise UsageError("An empty name means no run; `sracl runs` lists them.")
    if not references and not recipe and not state:
        raise UsageError("Which runs? Say how their ids begin, or give --recipe or --state; `sracl runs` lists them.")
    with Reader.open(paths.store_file()) as store:
        chosen = runs_named(store, references) if references else _all_of(store, recipe, state)
        _demand_free(chosen, obstacles(store, chosen))
    if not chosen and not as_json:
        of_recipe = f" of recipe '{recipe}'" if recipe else ""
        print(f"There is no run{of_recipe}{f' in state {state}' if state else ''}: nothing to remove.", file=sys.stderr)
        return
    sizes = {run.id: _size(run) for run in chosen}
    if not as_json:
        _show(chosen, sizes, recipe)
    is_wanted = yes or (not as_json and _agreed(chosen, sizes))
    failures = _remove(chosen) if is_wanted else {}
    removed = [run for run in chosen if is_wanted and run.id not in failures]
    if as_json:
        data = [_as_json(run, sizes[run.id], run in removed) for run in chosen]
        print(listing.as_json(data, errors=[f"Run {run_id} {error}." for run_id, error in failures.items()]))
    elif removed:
        print(f"Removed {_counted(removed, sizes)}.")
    if failures:
        _complain(failures)


def _all_of(store: Reader, recipe: str | None, state: Any) -> list[RunRow]:
    from sracl.compare.leaderboard import recipe_names
    from sracl.tracking import queries

    name = recipe_names([recipe], store)[0] if recipe else None
    return queries.runs(store, recipe=name, state=state)


def _demand_free(chosen: list[RunRow], reasons: dict[str, str]) -> None:
    """Refuse all where some cannot go: whoever named them together may not want a part of it."""
    from sracl.errors import ResourceError

    if not reasons:
        return
    told = [f"Run {run.id} ({run.label}) {reasons[run.id]}." for run in chosen if run.id in reasons]
    raise ResourceError("\n".join([*told, "Nothing was removed."]))


def _size(run: RunRow) -> int:
    from sracl import paths
    from sracl.runs import folder

    return folder.size(paths.run_folder(run.id))


def _show(chosen: list[RunRow], sizes: dict[str, int], recipe: str | None) -> None:
    """List what would go."""
    from sracl import paths
    from sracl.compare.wording import age, place, size
    from sracl.tracking.values import now

    rows = [["state", "run", "recipe", "data", "seed", "age", "size"]]
    for run in chosen:
        rows.append([run.state, run.id, place(run), run.dataset, str(run.seed), age(now() - run.created), size(sizes[run.id])])
    print(listing.aligned(rows, left=4))
    for run in chosen:
        recipes = list(dict.fromkeys(entry.recipe for entry in run.entries))
        if len(recipes) > 1:
            print(f"Run {run.id} stands in the recipes {', '.join(recipes)}, and goes from all of them.", file=sys.stderr)
        if (own := paths.run_folder(run.id)).is_symlink():
            print(f"{own} is a link to {own.resolve()}: the link goes, and what is there stays.", file=sys.stderr)


def _counted(runs: list[RunRow], sizes: dict[str, int]) -> str:
    from sracl.compare.wording import size

    return f"{how_many(len(runs), 'run')}, {size(sum(sizes[run.id] for run in runs))}"


def _agreed(chosen: list[RunRow], sizes: dict[str, int]) -> bool:
    """Ask in a terminal; elsewhere say how to go on."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return typer.confirm(f"Remove {_counted(chosen, sizes)}, for good?")
    print(f"{_counted(chosen, sizes)}. Nothing was removed; the same command with --yes removes them.", file=sys.stderr)
    return False


def _remove(chosen: list[RunRow]) -> dict[str, ResourceError]:
    """Remove runs; id -> why it could not be."""
    from sracl import paths
    from sracl.runs.removal import remove
    from sracl.tracking.store import Store

    with Store.open(paths.store_file()) as store:
        return remove(store, chosen)


def _complain(failures: dict[str, ResourceError]) -> None:
    """What was not removed, although it seemed possible."""
    for run_id, error in failures.items():
        print(f"Run {run_id} {error}.", file=sys.stderr)
    raise typer.Exit(next(iter(failures.values())).exit_code)


def _as_json(run: RunRow, size: int, removed: bool) -> dict[str, Any]:
    from sracl import paths

    return {
        "id": run.id,
        "label": run.label,
        "state": run.state,
        "dataset": run.dataset,
        "seed": run.seed,
        "recipes": list(dict.fromkeys(entry.recipe for entry in run.entries)),
        "imported": run.imported or None,
        "folder": str(paths.run_folder(run.id)),
        "bytes": size,
        "removed": removed,
    }
