"""`sracl data`: data sets that can be had, what they look like, and how a new one comes in."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions

app = typer.Typer(help="List, inspect, check and import data sets.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="Name of a data set, as listed by `sracl data list`.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(as_json: _Json = False) -> None:
    """List the data sets that are here, and those known but absent."""
    from sracl.data.datasets import available

    infos = available()
    if as_json:
        _print_json([{"name": i.name, "origin": i.origin, "where": i.where, "summary": i.summary} for i in infos])
        return
    from sracl.cli.columns import print_columns

    print_columns(("name", "origin", "where", "what it is"), [(i.name, i.origin, i.where, i.summary) for i in infos])


@app.command()
def stats(name: _Name, as_json: _Json = False) -> None:
    """Count users, items, interactions, lengths and texts."""
    from sracl.data.datasets import load
    from sracl.data.statistics import statistics

    interactions = load(name)
    figures = statistics(interactions)
    if as_json:
        _print_json([{"name": name, **figures, "notes": interactions.notes}])
        return
    from sracl.cli.columns import print_columns

    print_columns(("figure", name), [(key.replace("_", " "), _figure(value)) for key, value in figures.items()])
    _print_notes(interactions)


@app.command()
def verify(name: _Name, as_json: _Json = False) -> None:
    """Read every line of a data set and compare its counts with its card's.

    Ends with exit code 4 and the reason if anything is wrong.
    """
    from sracl.data.datasets import load

    interactions = load(name)
    if as_json:
        _print_json([{**_counts(interactions), "fingerprint": interactions.fingerprint, "notes": interactions.notes}])
        return
    typer.echo(f"{name}: {_spoken(interactions)}; all is well")
    _print_notes(interactions)


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="Folder with interactions.tsv[.gz] and items.jsonl[.gz].")],
    name: Annotated[str, typer.Option("--name", help="What to call the data set.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an imported data set of this name.")] = False,
) -> None:
    """Check a folder and copy its data set to the user's data folder."""
    from sracl.data.datasets import install

    target, interactions = install(folder.expanduser().resolve(), name, force=force)
    typer.echo(f"{name}: {_spoken(interactions)}, now in {target}")
    _print_notes(interactions)


def _counts(interactions: Interactions) -> dict[str, Any]:
    return {
        "name": interactions.name,
        "users": interactions.num_users,
        "items": interactions.num_items,
        "interactions": interactions.num_interactions,
    }


def _spoken(interactions: Interactions) -> str:
    return f"{interactions.num_users:,} users, {interactions.num_items:,} items, {interactions.num_interactions:,} interactions"


def _figure(value: Any) -> str:
    """A figure, or several with their names, for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_figure(entry)}" for key, entry in value.items())
    if isinstance(value, float):
        return f"{value:.2f}" if value >= 1 or value == 0 else f"{value:.4f}".rstrip("0")
    return f"{value:,}"


def _print_json(data: list[dict[str, Any]]) -> None:
    typer.echo(json.dumps({"schema": 1, "data": data, "errors": []}, indent=2))


def _print_notes(interactions: Interactions) -> None:
    for note in interactions.notes:
        print(f"note: {note}", file=sys.stderr)
