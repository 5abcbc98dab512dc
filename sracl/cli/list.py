"""`sracl list`: what there is to choose from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer

from sracl import listing
from sracl.cli import complete


def command(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="A kind such as losses or backbones; components, recipes, datasets, llms, prompts, metrics, methods or results.",
            show_default="all but the last three",
            autocompletion=complete.kinds,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List components, data sets, language models, prompts and recipes, each with a line on what it is."""
    rows, errors = _rows(kind)
    if as_json:
        typer.echo(listing.as_json([row._asdict() for row in rows], errors))
        return
    from sracl.cli.columns import print_columns

    foreign = any(row.owner not in ("sracl", "") for row in rows)
    headers = ("kind", "name", "what it is", "from")
    shown = [(row.kind, row.name, " ".join([row.summary, *map(_not_installed, row.missing)]), row.owner) for row in rows]
    print_columns(headers if foreign else headers[:3], shown if foreign else [row[:3] for row in shown])
    for error in errors:
        print(error, file=sys.stderr)


class _Row(NamedTuple):
    kind: str
    name: str
    summary: str
    owner: str
    missing: Sequence[str] = ()
    """What would have to be installed first."""


def _not_installed(requirement: str) -> str:
    from sracl.registry.packages import not_installed

    return f"{not_installed(requirement)}."


def _rows(kind: str | None) -> tuple[list[_Row], list[str]]:
    """What was asked for, and what could not be read.

    Raises:
        UsageError: There is no such kind.
    """
    from sracl.data import search
    from sracl.errors import PluginError, UsageError, did_you_mean
    from sracl.registry.card import FOLDERS, KINDS
    from sracl.registry.catalog import catalog
    from sracl.registry.packages import missing
    from sracl.registry.signatures import signature

    meant: dict[str, tuple[str, ...]] = {}
    for each, folder in FOLDERS.items():
        meant[each] = meant[folder] = (each,)
    meant["components"] = tuple(each for each in KINDS if each != "dataset")
    meant["recipes"] = meant["metrics"] = meant["metric"] = ()
    if kind is not None and kind not in meant:
        known = [*FOLDERS.values(), "components", "recipes", "metrics"]
        raise UsageError(f"There is no kind '{kind}'.{did_you_mean(kind, known)} Kinds: {', '.join(known)}.")
    cat = catalog()
    rows, errors = [], list(cat.broken)
    for each in (*KINDS, "llm", "prompt") if kind is None else meant[kind]:
        for card in cat.cards(each):
            summary = card.summary
            if not summary:
                try:
                    summary = signature(card).summary
                except PluginError as error:
                    summary = f"cannot be read: {error}"
                    errors.append(f"Distribution '{card.owner}': {card.address}: {error}")
            rows.append(_Row(FOLDERS[card.kind], card.name, summary, card.owner, missing(card)))
        if each == "dataset":
            carded = {card.name for card in cat.cards(each)}
            uncarded = [(name, path) for name, path in sorted(search.found().items()) if name not in carded]
            rows.extend(_Row("datasets", name, f"Imported, in {path}.", "") for name, path in uncarded)
            errors.extend(search.unread())
    if kind in (None, "recipes"):
        rows.extend(_recipes())
    if kind in ("metrics", "metric"):
        rows.extend(_metrics())
    return rows, errors


def _metrics() -> list[_Row]:
    from sracl.evaluation.definitions import ALL

    return [_Row("metrics", metric.name, f"{metric.title}. {metric.meaning}", "sracl") for metric in ALL]


def _recipes() -> list[_Row]:
    from sracl.recipes.shipped import shipped_recipes, summary

    return [_Row("recipes", name, summary(file), "sracl") for name, file in shipped_recipes().items()]
