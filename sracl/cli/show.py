"""`sracl show`: everything about one thing that has a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sracl import listing
from sracl.cli import complete

if TYPE_CHECKING:
    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog

View = tuple[dict[str, Any], Callable[[], None]]
"""What a thing is as JSON, and a function that prints it for people."""


def command(
    name: Annotated[
        str,
        typer.Argument(
            help="A component, prompt, data set, method, metric, recipe, run (or @last, @best:METRIC) or file; backbones/sasrec says "
            "which sasrec.",
            autocompletion=complete.named,
        ),
    ],
    origin: Annotated[bool, typer.Option("--origin", help="Of a recipe or run: where each value was set.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a component with its parameters, a data set, a method, a metric, a resolved recipe or a run."""
    from sracl.registry.catalog import catalog

    cat = catalog()
    data, render = _view(cat, name, origin=origin)
    if as_json:
        typer.echo(listing.as_json([data], cat.broken))
    else:
        render()


def _view(cat: Catalog, name: str, *, origin: bool) -> View:
    """Find what a name means: a kind with a name, the file of a card, a recipe, a name alone, a metric, a run.

    Raises:
        UsageError: It means nothing, or several things.
        CardError: It is the file of a card that says what it may not say.
    """
    from sracl.cli.names import bearer, kinds_by_prefix
    from sracl.cli.show_card import card_view
    from sracl.cli.show_metric import metric_view
    from sracl.cli.show_plan import recipe_view, run_view
    from sracl.errors import UsageError
    from sracl.evaluation.definitions import defined
    from sracl.recipes.shipped import shipped_recipes
    from sracl.registry.card import FOLDERS

    recipes = shipped_recipes()
    kinds = kinds_by_prefix()
    prefix, slash, rest = name.partition("/")
    if slash and prefix in kinds:
        is_recipe = name in recipes and (origin or rest not in cat.names(kinds[prefix]))  # methods/sracl is both
        if not is_recipe and not Path(name).is_file():
            return card_view(cat, cat.find(kinds[prefix], rest))
    if name not in recipes and (card := _card_in(Path(name))) is not None:
        return card_view(cat, card)
    if name in recipes or name.endswith(".toml") or name.startswith("recipes/"):
        return recipe_view(name, origin=origin)
    if (card := bearer(cat, name, FOLDERS)) is not None:
        return card_view(cat, card)
    if (metric := defined(name)) is not None:
        return metric_view(*metric)
    if (found := _run(name)) is not None:
        return run_view(*found, origin=origin)
    if known := _recipe_with_runs(name):
        raise UsageError(known)
    raise UsageError(_unknown(cat, name, list(recipes)))


def _card_in(file: Path) -> Card | None:
    """The card that a file holds, such as a prompt of one's own; None for a recipe, and for what is no TOML, of which recipes tell more.

    Raises:
        CardError: Everything that is wrong with the card.
    """
    import tomllib

    from sracl.registry.card import read_card

    if file.suffix != ".toml" or not file.is_file():
        return None
    try:
        facts = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return read_card(file, owner="") if "kind" in facts and "recipe" not in facts else None


def _run(reference: str) -> Any:
    """The run whose id begins like this, its final figures and the protocols; None where there is no store or no such run.

    Raises:
        UsageError: Several are meant, or what `@best:METRIC` says cannot be found.
        StoreError: There is no store in which it could be.
    """
    from sracl import paths

    if not paths.store_file().exists() and not reference.startswith("@"):
        return None
    from sracl.errors import UsageError
    from sracl.tracking import queries
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        try:
            run = queries.run(store, reference)
        except UsageError:
            if reference.startswith("@") or any(row.id.startswith(reference) for row in queries.runs(store)):
                raise
            return None
        return run, queries.final_metrics(store, [run.id]), queries.protocols(store)


def _recipe_with_runs(name: str) -> str:
    """Message about the name that a recipe gives itself, where the store has runs of it; else empty."""
    from sracl import paths

    if not paths.store_file().exists():
        return ""
    from sracl.tracking import queries
    from sracl.tracking.reader import Reader

    with Reader.open(paths.store_file()) as store:
        recipe = queries.recipes(store).get(name)
        if recipe is None:
            return ""
        runs = list(dict.fromkeys(entry.run_id for entry in queries.entries(store, [name])))
    if not runs:
        return f"'{name}' is a recipe that was run here, and its runs were removed; show its file, {recipe.source}."
    shown = ", ".join([*runs[:5], *(["…"] if runs[5:] else [])])
    return f"'{name}' is a recipe that was run here; show its file, {recipe.source}, or one of its runs: {shown}."


def _unknown(cat: Catalog, name: str, recipes: list[str]) -> str:
    """Message about a name that nothing has; the nearest may be of any kind."""
    from sracl.errors import did_you_mean
    from sracl.evaluation import definitions
    from sracl.registry.card import FOLDERS

    names = {card.name for card in cat.cards()} | {f"{FOLDERS[card.kind]}/{card.name}" for card in cat.cards()} | set(recipes)
    names |= set(definitions.names(like=name))
    text = f"Nothing is called '{name}'.{did_you_mean(name, sorted(names))} `sracl list` shows what there is, `sracl runs` the runs."
    if ":" in name:
        text += f" What is not registered needs its kind, such as backbones/{name}."
    return "\n".join([text, *cat.broken])
