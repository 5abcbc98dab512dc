"""`sracl runs`: what was run, and what became of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sracl import listing
from sracl.tracking import lines

if TYPE_CHECKING:
    from sracl.tracking.queries import RunRow


def command(
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="At most so many, the newest first.")] = 20,
    state: Annotated[
        Literal["planned", "running", "stalled", "stalled?", "stale?", "completed", "failed", "interrupted", "cancelled"] | None,
        typer.Option(help="Only runs in this state."),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Only runs of this recipe.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything about each run, as JSON.")] = False,
) -> None:
    """List runs, the newest first.

    A run whose process is gone is interrupted, and goes on when its recipe is run again; `stalled` is one whose process
    lives and has been silent for half a minute, `stale?` one on another machine that has been silent for a minute, and
    `stalled?` one that gives signs of life while its training makes no more steps.
    """
    from sracl import paths
    from sracl.compare.wording import age, at_most, epochs, place
    from sracl.tracking import progress, queries
    from sracl.tracking.reader import Reader
    from sracl.tracking.values import now

    found: list[RunRow] = []
    bests: dict[str, tuple[str, float]] = {}
    left: dict[str, float] = {}
    if paths.store_file().is_file():
        with Reader.open(paths.store_file()) as store:
            if store.notice:
                print(store.notice, file=sys.stderr)
            found = queries.runs(store, state=state, recipe=recipe, limit=limit)
            bests = queries.best_watched(store, found)
            left = progress.seconds_left(store, found)
    if as_json:
        print(listing.as_json([_as_json(run, bests.get(run.id), left.get(run.id)) for run in found]))
        return
    if not found:
        what = (
            f"no run{' in state ' + state if state else ''}{' of a recipe called ' + repr(recipe) if recipe else ''}"
            if state or recipe
            else "no run yet"
        )
        print(f"There is {what}. `sracl run quickstart` trains a first model in about a minute.", file=sys.stderr)
        return
    header = ["state", "run", "recipe", "data", "seed", "epoch", "left", "best valid", "age"]
    rows = [header]
    for run in found:
        metric, value = bests.get(run.id, ("", None))
        best = f"{value:.4f} {metric.removeprefix('valid.')}" if value is not None else ""
        where = [place(run), run.dataset, str(run.seed), epochs(run), at_most(left.get(run.id))]
        rows.append([run.state, run.id, *where, best, age(now() - run.created)])
    print(listing.aligned(rows, left=4))
    for run in found:
        if run.state in ("failed", "stalled?") and run.reason:
            print(f"{run.id} {run.state}: {run.reason}", file=sys.stderr)


def _as_json(run: RunRow, best: tuple[str, float] | None, left: float | None) -> dict[str, Any]:
    moments = {name: moment.isoformat() if moment else None for name, moment in _moments(run).items()}
    return {
        "id": run.id,
        "digest": run.digest,
        "state": run.state,
        "reason": run.reason,
        "label": run.label,
        "dataset": run.dataset,
        "seed": run.seed,
        "attempt": run.attempt,
        "epoch": run.epoch,
        "epochs_at_most": lines.epochs_at_most(run.trainings),
        "seconds_left_at_most": left,
        "best": {"name": best[0], "value": best[1]} if best else None,
        "leaky": run.leaky,
        "folder": run.folder,
        "imported": run.imported or None,
        "host": run.host,
        "pid": run.pid,
        "entries": [{"recipe": place.recipe, "variant": place.variant, "cell": place.cell, "seed": place.seed} for place in run.entries],
        **moments,
    }


def _moments(run: RunRow) -> dict[str, Any]:
    return {"created": run.created, "started": run.started, "finished": run.finished, "heartbeat": run.heartbeat}
