"""`sracl runs`: what was run, and what became of it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sracl import listing
from sracl.cli import complete
from sracl.tracking import lines
from sracl.wording import how_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sracl.compare.standing import Standing
    from sracl.tracking.queries import RunRow

_WIDTH = 100
"""Of the table where no terminal is wider, as far as what a matrix chose can be cut to it."""
_CELL = 16
"""Left to that, however wide the others are."""


def command(
    limit: Annotated[
        int, typer.Option("--limit", "-l", min=1, help="At most so many, the newest first; with --sort the highest of each protocol.")
    ] = 20,
    state: Annotated[
        Literal["planned", "running", "stalled", "stalled?", "stale?", "completed", "failed", "interrupted", "cancelled"] | None,
        typer.Option(help="Only runs in this state."),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Only runs of this recipe.", autocompletion=complete.recipes_with_runs)] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="NAME", help="Only runs on this data set.", autocompletion=complete.datasets)
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="TAG", help="Only runs with this tag. Repeatable.", autocompletion=complete.tags)
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", "-w", metavar="PATH=VALUE", help="Only runs with this value, e.g. train.optimizer.lr=0.001. Repeatable."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="The highest first in this metric of the test, e.g. ndcg@20; a table for each protocol.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything about each run, as JSON.")] = False,
) -> None:
    """List runs, the newest first; with --sort the highest first.

    A run whose process is gone is interrupted, and goes on when its recipe is run again; `stalled` is one whose process
    lives and has been silent for half a minute, `stale?` one on another machine that has been silent for a minute, and
    `stalled?` one that gives signs of life while its training makes no more steps. Under `set` stands what the recipe's
    matrix chose for it, paths by their ends; --json has them whole.
    """
    from sracl import paths
    from sracl.compare.having import having
    from sracl.compare.standing import standings
    from sracl.tracking import progress, queries
    from sracl.tracking.reader import Reader

    found: list[RunRow] = []
    standing: list[Standing] = []
    bests: dict[str, tuple[str, float]] = {}
    left: dict[str, float] = {}
    has_runs, untested = False, 0
    if paths.store_file().is_file():
        with Reader.open(paths.store_file()) as store:
            if store.notice:
                print(store.notice, file=sys.stderr)
            most = None if where or sort else limit
            found = queries.runs(store, state=state, recipe=recipe, dataset=data, tags=tag or (), limit=most)
            found = having(store, found, where or ())
            if sort is not None:
                standing = [replace(each, runs=each.runs[:limit]) for each in standings(store, found, sort)]
                untested = len(found) - len({run_id for each in standing for run_id in each.figures})
                found = [run for each in standing for run in each.runs]
            elif where:
                found = found[:limit]
            bests = queries.best_watched(store, found)
            left = progress.seconds_left(store, found)
            has_runs = bool(found or queries.runs(store, limit=1))
    if as_json:
        figures = {run.id: _figure(each, run) for each in standing for run in each.runs}
        print(listing.as_json([_as_json(run, bests.get(run.id), left.get(run.id), figures.get(run.id)) for run in found]))
        return
    if not found:
        narrowed = {
            "in state": state,
            "of a recipe called": recipe and repr(recipe),
            "on": data,
            "with the tag": " and ".join(tag or ()),
            "with": " and ".join(where or ()),
            "that was tested in": sort if untested else None,
        }
        if has_runs:
            told = "".join(f" {how} {what}" for how, what in narrowed.items() if what)
            print(f"There is no run{told}. `sracl runs` lists those there are.", file=sys.stderr)
        else:
            print("There is no run yet. `sracl run quickstart` trains a first model in about a minute.", file=sys.stderr)
        return
    if standing:
        print("\n\n".join(f"{each.heading}\n{_table(each.runs, bests, left, each)}" for each in standing))
    else:
        print(_table(found, bests, left))
    for run in found:
        if run.state in ("failed", "stalled?") and run.reason:
            print(f"{run.id} {run.state}: {run.reason}", file=sys.stderr)
    if len(standing) > 1:
        print("Figures of two protocols are no comparison, so each has a table of its own.", file=sys.stderr)
    if untested:
        print(f"{how_many(untested, 'run')} without {sort} left out: not tested, or not in this metric.", file=sys.stderr)


def _table(
    found: Sequence[RunRow], bests: Mapping[str, tuple[str, float]], left: Mapping[str, float], standing: Standing | None = None
) -> str:
    from sracl.compare.wording import age, at_most, epochs, place
    from sracl.tracking.values import now

    rows = [["state", "run", "recipe", "data", "seed", "epoch", "left", *([standing.metric] if standing else []), "best valid", "age"]]
    for run in found:
        metric, value = bests.get(run.id, ("", None))
        best = f"{value:.4f} {metric.removeprefix('valid.')}" if value is not None else ""
        where = [place(run), run.dataset, str(run.seed), epochs(run), at_most(left.get(run.id))]
        figure = [f"{standing.figures[run.id]:.4f}"] if standing else []
        rows.append([run.state, run.id, *where, *figure, best, age(now() - run.created)])
    rows, left_aligned = _with_cells(rows, found)
    return listing.aligned(rows, left=left_aligned)


def _with_cells(rows: list[list[str]], found: Sequence[RunRow]) -> tuple[list[list[str]], int]:
    """The rows with what a matrix chose for each run, behind its recipe, and how many columns are texts."""
    from sracl.compare.wording import cell, cell_in_short

    cells = [cell(run) for run in found]
    if not any(cells):
        return rows, 4
    widest = max(map(len, listing.aligned(rows, left=4).splitlines()))
    width = max(_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDTH
    room = max(_CELL, width - widest - 2)
    told = ["set", *(cell_in_short(chosen, room) for chosen in cells)]
    return [[*row[:3], text, *row[3:]] for row, text in zip(rows, told, strict=True)], 5


def _figure(standing: Standing, run: RunRow) -> dict[str, Any]:
    return {"name": standing.metric, "value": standing.figures[run.id], "protocol": standing.fingerprint, "facts": dict(standing.protocol)}


def _as_json(run: RunRow, best: tuple[str, float] | None, left: float | None, figure: Mapping[str, Any] | None) -> dict[str, Any]:
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
        "figure": figure,
        "tags": run.tags,
        "note": run.note or None,
        "leaky": run.leaky,
        "folder": run.folder,
        "imported": run.imported or None,
        "host": run.host,
        "pid": run.pid,
        "entries": [
            {"recipe": place.recipe, "variant": place.variant, "cell": json.loads(place.cell), "seed": place.seed} for place in run.entries
        ],
        **moments,
    }


def _moments(run: RunRow) -> dict[str, Any]:
    return {"created": run.created, "started": run.started, "finished": run.finished, "heartbeat": run.heartbeat}
