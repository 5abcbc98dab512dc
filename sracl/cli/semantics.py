"""`sracl semantics`: what the texts of a recipe say, and whether they can help, before anything is trained."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sracl import listing
from sracl.cli import complete

if TYPE_CHECKING:
    from sracl.recipes.plan import RunPlan
    from sracl.runs.semantic_signal import Signal
    from sracl.runs.semantic_view import Row, SemanticView
    from sracl.runs.workshop import Workshop

app = typer.Typer(no_args_is_help=True, add_completion=False)

_Recipe = Annotated[
    str, typer.Argument(help="A recipe file, or the name of a shipped one such as methods/sracl.", autocompletion=complete.recipes)
]
_Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set", "-s", metavar="PATH=VALUE", help="Override one value, e.g. data.name=office. Repeatable.", autocompletion=complete.settings
    ),
]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", envvar="SRACL_DEVICE")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def inspect(
    recipe: _Recipe,
    item: Annotated[str | None, typer.Option("--item", help="An item, by its name in the data files.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="A user, by their name in the data files.")] = None,
    sets: _Sets = None,
    device: _Device = "auto",
    as_json: _Json = False,
) -> None:
    """Show the text of an item, or of a user's longest training sequence, and its neighbours with theirs.

    Texts, vectors and neighbours are made if they are not there yet.
    """
    from sracl.errors import UsageError

    if (item is None) == (user is None):
        raise UsageError("Give either --item or --user.")
    from dataclasses import asdict

    from sracl.runs.semantic_view import item_view, user_view

    (run, *others), shop = _prepared(recipe, sets, device, "items" if item is not None else "sequences")
    if others:
        print(
            f"the recipe has {1 + len(others)} ways of putting things into words; this is the first. --set tells them apart.",
            file=sys.stderr,
        )
    view = item_view(run, shop, item) if item is not None else user_view(run, shop, str(user))
    if as_json:
        typer.echo(listing.as_json(asdict(view)))
        return
    typer.echo("\n".join(_lines(view)))


@app.command()
def report(
    recipe: _Recipe,
    sets: _Sets = None,
    device: _Device = "auto",
    as_they_are: Annotated[
        bool, typer.Option("--as-they-are", help="Rank by item texts that may have seen the transitions asked for; saves encoding others.")
    ] = False,
    as_json: _Json = False,
) -> None:
    """Measure, on training transitions, what the texts know of who chooses what next.

    Texts, vectors and neighbours are made if they are not there yet.
    """
    from dataclasses import asdict

    from sracl.runs.semantic_signal import signal

    runs, shop = _prepared(recipe, sets, device)
    found = [(run, signal(run, shop, as_they_are=as_they_are)) for run in runs]
    if as_json:
        data = [{**asdict(told), "semantics": run.values["semantics"]} for run, told in found]
        typer.echo(listing.as_json(data))
        return
    from sracl.cli.columns import print_columns

    for place, (run, told) in enumerate(found):
        typer.echo(f"{'' if place == 0 else chr(10)}{told.dataset}: {_parts(run)}")
        print_columns(("figure", "found", "to compare"), list(_figures(told)))


def _prepared(recipe: str, sets: Sequence[str] | None, device: str, kind: str | None = None) -> tuple[list[RunPlan], Workshop]:
    """One run for each way in which the recipe puts things (of a kind) into words, and where its parts are made.

    Variants that put nothing into words, such as an ablation without contrast, are passed over, unless all are such.
    """
    from sracl.recipes.plan import plan
    from sracl.runs.execute import choose_device
    from sracl.runs.workshop import Workshop

    planned = plan(recipe, sets=sets or ()).runs
    spoken = [run for run in planned if (run.values["semantics"].get(kind) if kind else run.values["semantics"])]
    runs = {json.dumps([run.values["data"], run.values["semantics"]]): run for run in reversed(spoken or planned)}
    return list(runs.values())[::-1], Workshop(choose_device(device), lambda line: print(line, file=sys.stderr))


def _parts(run: RunPlan) -> str:
    """Who wrote, encoded and compared."""
    tables = run.values["semantics"]
    return "; ".join(
        f"{kind} {' → '.join(table[slot]['use'] for slot in ('llm', 'text_encoder', 'retriever'))}" for kind, table in tables.items()
    )


def _figures(told: Signal) -> Iterator[tuple[str, str, str]]:
    """Name, value, and what to compare it with."""
    if items := told.items:
        cover, pairs, near = items.coverage, items.transitions, items.next_item
        yield "items", f"{cover.rows:,}", f"{cover.zero:,} without a vector, {cover.shared:,} that share theirs"
        yield "cosine of items chosen one after another", f"{pairs.adjacent:.4f}", f"{pairs.random:.4f} for random pairs"
        seen = "" if items.next_item_unseen else "at most: the texts may have seen them; "
        yield (
            "HR@20 of the items most like the last",
            f"{near.by_text:.4f}",
            f"{seen}{near.by_popularity:.4f} by popularity, {near.by_chance:.4f} by chance",
        )
    if sequences := told.sequences:
        cover, shared = sequences.coverage, sequences.neighbours
        yield "sequences", f"{cover.rows:,}", f"{cover.zero:,} without a vector, {cover.shared:,} that share theirs"
        yield "cosine of neighbours", f"{shared.similarity:.4f}", ""
        yield "neighbours of the same user", f"{shared.same_user:.4f}", ""
        yield "neighbours with the same target", f"{shared.same_target:.4f}", f"{shared.same_target_by_chance:.4f} by chance"


def _lines(view: SemanticView) -> Iterator[str]:
    yield f"{view.row.name}  {view.row.title}"
    if view.read:
        yield f"  reads, oldest first: {' · '.join(view.read)}"
    yield f"  text: {view.row.text or '(nothing is known in words)'}"
    if not view.neighbours:
        yield "  no neighbours"
    for neighbour in view.neighbours:
        yield from _neighbour(neighbour)


def _neighbour(row: Row) -> Iterator[str]:
    yield f"\n  {row.similarity:.4f}  {row.name}  {row.title}"
    yield f"          {row.text}"
