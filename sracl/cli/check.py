"""`sracl check`: whether a component keeps the promises of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sracl import listing
from sracl.cli import complete

if TYPE_CHECKING:
    from sracl.contracts.promises import Outcome
    from sracl.registry.card import Card
    from sracl.registry.catalog import Catalog


def command(
    name: Annotated[
        str,
        typer.Argument(
            help="A component, such as crop, backbones/sasrec or backbones/my_lab.models:FadingMean.", autocompletion=complete.components
        ),
    ],
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", metavar="PATH=VALUE", help="A parameter of the component, e.g. fade=0.9. Repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try a component, shipped or your own, on all that its kind promises to the rest of sracl.

    Exit codes: 0 every promise holds, 1 one does not, 2 no such component or parameter, 9 its module cannot be imported.
    """
    from sracl.registry.catalog import catalog

    cat = catalog()
    card = _component(cat, name)
    from sracl.contracts.examine import examine
    from sracl.contracts.suites import SUITES
    from sracl.errors import UsageError
    from sracl.registry.card import spoken

    if card.kind not in SUITES:
        known = ", ".join(kind.replace("_", " ") for kind in SUITES)
        raise UsageError(f"{card.address}: there is no suite of promises for {spoken(card.kind)}. Kinds that have one: {known}.")
    bound = _bound(cat, card, sets or ())
    found = []
    if not as_json:
        _print_head(card)
    for outcome in examine(cat, card.kind, bound):
        found.append(outcome)
        if not as_json:
            _print(outcome)
    if as_json:
        from dataclasses import asdict

        typer.echo(listing.as_json([asdict(outcome) for outcome in found]))
    else:
        print(f"\n{_summary(found)}")
    raise typer.Exit(int(any(outcome.holds is False for outcome in found)))


def _component(cat: Catalog, name: str) -> Card:
    """The card of what is to be checked.

    Raises:
        UsageError: No component has the name, or several have.
    """
    from sracl.cli.names import bearer, kinds_by_prefix
    from sracl.errors import UsageError, did_you_mean
    from sracl.registry.card import FOLDERS, KINDS

    prefix, slash, rest = name.partition("/")
    if slash and (kind := kinds_by_prefix().get(prefix)):
        return cat.find(kind, rest)
    if (card := bearer(cat, name, KINDS)) is not None:
        return card
    known = [known for kind in KINDS for each in cat.names(kind) for known in (each, f"{FOLDERS[kind]}/{each}")]
    text = f"No component is called '{name}'.{did_you_mean(name, known)} `sracl list components` shows what there is."
    if ":" in name:
        text += f" What is not registered needs its kind, such as backbones/{name}."
    raise UsageError("\n".join([text, *cat.broken]))


def _bound(cat: Catalog, card: Card, sets: Sequence[str]) -> dict[str, Any]:
    """The component's table, complete.

    Raises:
        UsageError: A value is unreadable, unknown, missing or none that the parameter accepts; all of them are named.
    """
    from sracl.errors import UsageError
    from sracl.recipes.settings import in_order, parse
    from sracl.registry import parameters

    settings, problems = parse(sets)
    wrong = [str(problem) for problem in problems]
    table: dict[str, Any] = {"use": card.name if ":" in card.name else f"{card.owner}:{card.name}"}
    for setting in in_order(settings):
        if setting.path == ("use",):
            wrong.append(f"use: What is checked is {card.address}; another component is checked by its own name.")
            continue
        place = table
        for key in setting.path[:-1]:
            inner = place.get(key)
            inner = place[key] = inner if isinstance(inner, dict) else {} if inner is None else {"use": inner}
            place = inner
        place[setting.path[-1]] = setting.value
    bound, found = parameters.bind(cat, card.kind, table, card.kind)
    # what is wrong with the component itself is told as a promise
    wrong += [f"{where.removeprefix(f'{card.kind}.')}: {what}" for where, what in found if where != f"{card.kind}.use"]
    if wrong:
        head = f"{card.address} cannot be made so; values are given as --set PATH=VALUE:"
        raise UsageError("\n".join([head, *(f"  {each}" for each in wrong)]))
    return bound


def _print_head(card: Card) -> None:
    from sracl.cli.show_card import short
    from sracl.registry.signatures import signature

    taken = signature(card)
    print(f"{card.kind.replace('_', ' ')} {card.name} ({short(taken.path)}:{taken.line})\n")


_WORDS = {True: "holds", False: "broken", None: "left out"}


def _print(outcome: Outcome) -> None:
    from sracl.plain import on_one_line

    why = f": {outcome.came}" if outcome.holds is None else ""
    print(f"{_WORDS[outcome.holds]:10}{outcome.promise}{why}", flush=True)
    if outcome.holds is False:
        for word, said in (("expected", outcome.expected), ("came", outcome.came), ("at", _place(outcome))):
            for line in said.splitlines():
                print(f"{'':12}{word:10}{on_one_line(line)}")
                word = ""


def _place(outcome: Outcome) -> str:
    from pathlib import Path

    from sracl.cli.show_card import short

    path, _, line = outcome.where.rpartition(":")
    return f"{short(Path(path))}:{line}" if path else ""


def _summary(found: Sequence[Outcome]) -> str:
    from sracl.wording import how_many

    if len(found) == 1:
        return "Nothing else was tried."
    count = {holds: sum(outcome.holds is holds for outcome in found) for holds in _WORDS}
    told = f"{count[True]} of {how_many(count[True] + count[False], 'promise')} hold"
    return f"{told}; {count[None]} left out." if count[None] else f"{told}."
