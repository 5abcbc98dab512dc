"""`sracl list`: what there is to choose from."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sracl import listing


def command(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="A kind such as losses or backbones; components, recipes, datasets, llms, prompts, methods or results.",
            show_default="all but the last two",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List components, data sets, language models, prompts and recipes, each with a line on what it is."""
    rows, errors = _rows(kind)
    if as_json:
        keys = ("kind", "name", "summary", "owner")
        typer.echo(listing.as_json([dict(zip(keys, row, strict=True)) for row in rows], errors))
        return
    from sracl.cli.columns import print_columns

    foreign = any(owner not in ("sracl", "") for *_, owner in rows)
    headers = ("kind", "name", "what it is", "from")
    print_columns(headers if foreign else headers[:3], rows if foreign else [row[:3] for row in rows])
    for error in errors:
        print(error, file=sys.stderr)


def _rows(kind: str | None) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """`(kind, name, summary, owner)` of what was asked for, and what could not be read.

    Raises:
        UsageError: There is no such kind.
    """
    from sracl.data import search
    from sracl.errors import PluginError, UsageError, did_you_mean
    from sracl.registry.card import FOLDERS, KINDS
    from sracl.registry.catalog import catalog
    from sracl.registry.signatures import signature

    meant: dict[str, tuple[str, ...]] = {}
    for each, folder in FOLDERS.items():
        meant[each] = meant[folder] = (each,)
    meant["components"] = tuple(each for each in KINDS if each != "dataset")
    meant["recipes"] = ()
    if kind is not None and kind not in meant:
        known = [*FOLDERS.values(), "components", "recipes"]
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
            rows.append((FOLDERS[card.kind], card.name, summary, card.owner))
        if each == "dataset":
            carded = {card.name for card in cat.cards(each)}
            uncarded = [(name, path) for name, path in sorted(search.found().items()) if name not in carded]
            rows.extend(("datasets", name, f"Imported, in {path}.", "") for name, path in uncarded)
            errors.extend(search.unread())
    if kind in (None, "recipes"):
        rows.extend(_recipes())
    return rows, errors


def _recipes() -> list[tuple[str, str, str, str]]:
    from sracl.recipes.load import shipped_recipes, summary

    return [("recipes", name, summary(file), "sracl") for name, file in shipped_recipes().items()]
