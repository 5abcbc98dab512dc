"""What a shell offers after Tab: recipes, components, data sets, runs and jobs by their names, and the values of a recipe by their paths.

The shell starts the program anew at every Tab. So nothing here loads a tensor library or writes anything, and what cannot be read,
such as a damaged store, offers nothing: there is no place for an error in the middle of a line that is being typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import typer

from sracl.errors import SraclError

Offer: TypeAlias = tuple[str, str]
"""What may be typed, and what it is, which some shells show beside it."""
_Source: TypeAlias = Callable[[str], Iterable[Offer]]

_AT_MOST = 200
"""Runs that are offered, the newest: nobody reads through more, and a store may hold thousands."""
_NEEDS_NO_QUOTES = re.compile(r"[\w.@/+-]+")
"""A value that every shell passes on as it stands."""


def _offering(*sources: _Source) -> Callable[[str], list[Offer]]:
    """What typer calls with the beginning of a word."""

    def offers(incomplete: str) -> list[Offer]:
        found: list[Offer] = []
        for source in sources:
            with suppress(SraclError, OSError):
                found += source(incomplete)
        return found

    return offers


def _recipes(_: str) -> Iterator[Offer]:
    """Shipped ones."""
    from sracl.recipes.shipped import shipped_recipes, summary

    return ((name, summary(file)) for name, file in shipped_recipes().items())


def _recipe_files(begun: str) -> Iterator[Offer]:
    """TOML files of the folder that was typed, and of the folders in it. For all other files the shell falls back on its own completion."""
    from sracl.recipes.shipped import summary

    typed = begun[: begun.rfind("/") + 1]
    folder = Path(typed).expanduser()
    for file in sorted(file for pattern in ("*.toml", "[!.]*/*.toml") for file in folder.glob(pattern)):
        yield typed + file.relative_to(folder).as_posix(), summary(file)


def _recipes_with_runs(_: str) -> Iterator[Offer]:
    from sracl import paths
    from sracl.tracking import queries
    from sracl.tracking.reader import Reader

    return ((row.name, row.source) for row in queries.recipes(Reader.leaving_no_trace(paths.store_file())).values())


def _runs(begun: str) -> Iterator[Offer]:
    from sracl import paths
    from sracl.compare.wording import place
    from sracl.tracking import queries
    from sracl.tracking.reader import Reader

    found = queries.beginning(Reader.leaving_no_trace(paths.store_file()), begun, limit=_AT_MOST)
    return ((run.id, f"{run.state}, {place(run)}, {run.dataset}, seed {run.seed}") for run in found)


def _chosen_runs(begun: str) -> Iterator[Offer]:
    """References that choose; those by a metric once one is begun, since there are many."""
    from sracl import paths
    from sracl.tracking.best import BEST, validation_metrics
    from sracl.tracking.reader import Reader

    yield "@last", "the run that was registered last"
    if begun.startswith("@"):
        with Reader.leaving_no_trace(paths.store_file()).reading() as view:
            names = validation_metrics(view)
        yield from ((f"{BEST}:{name}", f"the completed run with the highest {name} in validation") for name in names)


def _tags(begun: str) -> Iterator[Offer]:
    from sracl import paths
    from sracl.tracking import tags
    from sracl.tracking.reader import Reader
    from sracl.wording import how_many

    known = tags.counts(Reader.leaving_no_trace(paths.store_file()))
    return ((name, how_many(count, "run")) for name, count in known.items())


def _signed_tags(begun: str) -> Iterator[Offer]:
    """As `sracl tag` takes them. What begins with a hyphen the shell takes for an option, and does not ask for."""
    return ((f"+{name}", told) for name, told in _tags(begun))


def _jobs(_: str) -> Iterator[Offer]:
    from sracl import paths
    from sracl.tracking import jobs
    from sracl.tracking.reader import Reader

    return ((str(job.number), f"{job.state}, {job.label}") for job in jobs.jobs(Reader.leaving_no_trace(paths.store_file())))


def _cards(begun: str) -> Iterator[Offer]:
    """All that has a card, by its address; once a word is begun, also by its name alone, where only one thing has it."""
    from collections import Counter

    from sracl.registry.card import FOLDERS
    from sracl.registry.catalog import catalog

    cards = catalog().cards()
    yield from ((f"{FOLDERS[card.kind]}/{card.name}", card.summary) for card in cards)
    if begun:
        having = Counter(card.name for card in cards)
        yield from ((card.name, card.summary) for card in cards if having[card.name] == 1)


def _components(begun: str) -> Iterator[Offer]:
    """What `sracl check` has a suite for, by its address, and once a word is begun by its name."""
    from sracl.registry.card import FOLDERS, KINDS
    from sracl.registry.catalog import catalog

    for card in (card for kind in KINDS if kind != "dataset" for card in catalog().cards(kind)):
        yield f"{FOLDERS[card.kind]}/{card.name}", card.summary
        if begun:
            yield card.name, card.summary


def _kinds(_: str) -> Iterator[Offer]:
    from sracl.registry.card import FOLDERS

    return ((kind, "") for kind in (*FOLDERS.values(), "components", "recipes", "metrics"))


def _metrics(begun: str) -> Iterator[Offer]:
    """What `sracl show` explains, once a word is begun; with the cut-off that was typed."""
    from sracl.evaluation.definitions import names

    return ((name, "a metric") for name in names(like=begun) if begun)


def _datasets(_: str) -> Iterator[Offer]:
    from sracl.data.datasets import available

    return ((info.name, info.summary or info.where) for info in available())


def _absent_datasets(_: str) -> Iterator[Offer]:
    """Those that a card tells where to get, by both of their names."""
    from sracl.data.datasets import available
    from sracl.registry.catalog import catalog

    absent = {info.name for info in available() if info.origin == "absent"}
    for card in (card for card in catalog().cards("dataset") if card.name in absent):
        yield from ((name, card.summary) for name in (card.name, card.facts.get("also")) if name)


recipes = _offering(_recipes, _recipe_files)
recipes_with_runs = _offering(_recipes_with_runs)
runs = _offering(_runs, _chosen_runs)
runs_and_recipes = _offering(_runs, _chosen_runs, _recipes_with_runs)
runs_and_tags = _offering(_runs, _chosen_runs, _signed_tags)
tags = _offering(_tags)
jobs = _offering(_jobs)
runs_and_jobs = _offering(_runs, _chosen_runs, _jobs)
named = _offering(_cards, _metrics, _recipes, _recipe_files, _runs, _chosen_runs)
components = _offering(_components)
kinds = _offering(_kinds)
datasets = _offering(_datasets)
absent_datasets = _offering(_absent_datasets)


def settings(ctx: typer.Context, incomplete: str) -> list[Offer]:
    """Paths of the recipe that the line names, each with the value that it has, to be changed."""
    from sracl.recipes.flat import flat
    from sracl.recipes.load import load
    from sracl.recipes.resolve import resolve
    from sracl.recipes.variants import cases
    from sracl.registry.catalog import catalog
    from sracl.registry.wording import in_toml

    # where --set has nothing behind it yet, the parser gives up before it hands out arguments
    named = ctx.params.get("recipes") or ctx.params.get("recipe") or ctx.args
    recipe = named if isinstance(named, str) else next(iter(named), "")
    if "=" in incomplete or not recipe:
        return []
    values: dict[str, object] = {}
    with suppress(SraclError, OSError):
        loaded = load(recipe)
        for case in cases(loaded.draft, [], loaded.bases)[0]:
            values = {**dict(flat(resolve(case.draft, catalog()).values)), **values}
        if isinstance(sweep := loaded.draft.get(("sweep",)), dict):
            values |= {f"sweep.{key}": value for key, value in sweep.items() if key != "space"}
    told = ((path, value if isinstance(value, str) else in_toml(value)) for path, value in values.items())
    return [(f"{path}={value}" if _NEEDS_NO_QUOTES.fullmatch(value) else path, "") for path, value in told]
