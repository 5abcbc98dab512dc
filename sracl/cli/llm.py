"""`sracl llm`: texts that a language model writes, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sracl.runs.llm_outlay import Outlay, Price

app = typer.Typer(help="Texts that language models write: what they would cost.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep `plan` a word of its own, beside which others may stand."""


_Recipe = Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one such as methods/sracl.")]
_Sets = Annotated[
    list[str] | None, typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value, e.g. data.name=office. Repeatable.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("plan")
def plan_(
    recipe: _Recipe,
    sets: _Sets = None,
    example: Annotated[bool, typer.Option("--example", help="Print the longest request for each as well, word for word.")] = False,
    as_json: _Json = False,
) -> None:
    """Count what would be asked, and what each language model would charge. Nobody is asked.

    Whatever provider the recipe names, every granularity is counted and every card under `sracl list llms` priced.
    """
    from dataclasses import asdict

    from sracl.recipes.plan import plan
    from sracl.runs.llm_outlay import outlays

    found = outlays(plan(recipe, sets=sets or ()))
    if as_json:
        typer.echo(json.dumps({"schema": 1, "data": [asdict(outlay) for outlay in found], "errors": []}, indent=2))
        return
    for place, outlay in enumerate(found):
        if place:
            typer.echo()
        _print(outlay)
        if example:
            _print_examples(outlay)


def _print(outlay: Outlay) -> None:
    from sracl.cli.columns import print_columns

    typer.echo(f"{outlay.dataset}: what a language model would be asked\n")
    print_columns(("for", "rows", "different requests", "tokens in", "tokens out", "longest request", "this recipe"), list(_asked(outlay)))
    typer.echo("\nand what it would charge, in US dollars\n")
    names = [each.name for each in outlay.granularities]
    print_columns(("language model", "price of", *names, "this recipe"), [_charged(price, names) for price in outlay.prices])
    for price in outlay.prices:
        if price.cut and not price.batch:
            typer.echo(f"{price.llm} cannot read the longest requests for {', '.join(price.cut)}.")
    typer.echo(
        "\nTokens are estimated, a little too high rather than too low. What servers take off for words they have just read is not counted."
    )


def _print_examples(outlay: Outlay) -> None:
    for each in outlay.granularities:
        if each.example:
            typer.echo(f"\n--- {each.name}: system\n{each.example['system']}\n--- {each.name}: user\n{each.example['user']}")


def _asked(outlay: Outlay) -> Iterator[tuple[str, ...]]:
    for each in outlay.granularities:
        counts = (each.rows, each.requests, each.tokens_in, each.tokens_out, each.longest)
        yield each.name, *(f"{count:,}" for count in counts), "yes" if each.chosen else ""


def _charged(price: Price, names: list[str]) -> tuple[str, ...]:
    name = f"{price.llm}, in batches" if price.batch else price.llm
    return name, price.price_date, *(f"{price.dollars[each]:,.2f}" for each in names), f"{price.total:,.2f}"
