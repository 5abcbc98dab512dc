"""`sracl llm`: texts that language models write, without any training: what they would cost, and what they did."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sracl import listing
from sracl.cli import complete
from sracl.wording import how_many

if TYPE_CHECKING:
    from sracl.recipes.plan import Plan
    from sracl.runs.llm_outlay import Outlay, Price
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
_OneRecipe = Annotated[
    str | None,
    typer.Argument(
        metavar="[RECIPE]", help="A recipe, whose requests alone count.", show_default="all that is stored", autocompletion=complete.recipes
    ),
]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.", envvar="SRACL_DEVICE")]
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
    from sracl.runs.readiness import demand_packages

    resolved = plan(recipe, sets=sets or ())
    demand_packages(resolved)
    found = outlays(resolved)
    if as_json:
        typer.echo(listing.as_json([asdict(outlay) for outlay in found]))
        return
    for place, outlay in enumerate(found):
        if place:
            typer.echo()
        _print(outlay)
        if example:
            _print_examples(outlay)


@app.command()
def run(
    recipe: _Recipe,
    sets: _Sets = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            "--max-cost",
            min=0,
            metavar="USD",
            help="US dollars that the texts may cost, those paid before included.",
            envvar="SRACL_MAX_COST",
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: stored answers alone.", envvar="SRACL_OFFLINE")] = False,
    device: _Device = "auto",
) -> None:
    """Have all texts of a recipe written, and train nothing. What is stored is not asked again."""
    from sracl.llm_providers.allowance import Allowance
    from sracl.recipes.plan import plan
    from sracl.runs.execute import choose_device
    from sracl.runs.llm_texts import write
    from sracl.runs.readiness import demand_packages, demand_parts
    from sracl.runs.short_of_memory import memory_in_words
    from sracl.runs.workshop import Workshop

    resolved = plan(recipe, sets=sets or ())
    demand_packages(resolved)
    shop = Workshop(choose_device(device), _say, Allowance(max_cost=max_cost, offline=offline))
    demand_parts(resolved, shop, slots=("llm",))
    with memory_in_words(shop.device):
        written = write(resolved, shop)
    for name, made in written:
        typer.echo(f"{name}: {made.facts['rows']:,} texts, {made.facts['distinct']:,} different, {made.facts['empty']:,} empty")


@app.command()
def status(recipe: _OneRecipe = None, sets: _Sets = None, as_json: _Json = False) -> None:
    """Show how many answers are stored, failed and missing, and why requests failed. Nobody is asked."""
    from dataclasses import asdict

    from sracl.cli.columns import print_columns
    from sracl.llm_providers.answers import Answers

    if recipe is not None:
        from sracl.runs.llm_texts import keys, standings

        prepared = _prepared(recipe, sets)
        found = [asdict(standing) for standing in standings(*prepared)]
        failures = Answers().failures(keys(*prepared)) if any(standing["failed"] for standing in found) else {}
    else:
        found = [asdict(account) for account in Answers().accounts()]
        failures = Answers().failures()
    if as_json:
        typer.echo(listing.as_json({"answers": found, "failures": failures}))
        return
    if not found:
        typer.echo("No answers are stored.")
        return
    shown = [name for name in found[0] if not name.startswith(("tokens", "dollars_in"))]
    print_columns(tuple(name.replace("_", " ") for name in shown), [tuple(_cell(row[name]) for name in shown) for row in found])
    for reason, count in failures.items():
        typer.echo(f"{count:,} have no answer: the reply {reason}")


@app.command()
def cost(as_json: _Json = False) -> None:
    """Show what each language model has cost, by what its server said of every request."""
    from dataclasses import asdict

    from sracl.cli.columns import print_columns
    from sracl.llm_providers.answers import Answers

    accounts = Answers().accounts()
    if as_json:
        typer.echo(listing.as_json([asdict(account) for account in accounts]))
        return
    if not accounts:
        typer.echo("Nothing was asked yet.")
        return
    names = ("provider", "model", "answered", "tokens in", "of them known", "tokens out", "dollars", "lost", "dollars in doubt")
    rows = [
        (each.provider, each.model, each.answered, each.tokens_in, each.tokens_cached, each.tokens_out, each.dollars, each.lost)
        + (each.dollars_in_doubt,)
        for each in accounts
    ]
    print_columns(names, [tuple(map(_cell, row)) for row in rows])
    typer.echo(f"\n{sum(each.dollars for each in accounts):,.6f} dollars altogether; lost attempts can have cost what is in doubt besides.")


@app.command()
def retry(recipe: _OneRecipe = None, sets: _Sets = None) -> None:
    """Forget that requests have no answer, so that the next run asks them again. Nobody is asked yet."""
    from sracl.llm_providers.answers import Answers
    from sracl.runs.llm_texts import drop_incomplete, keys

    prepared = None if recipe is None else _prepared(recipe, sets)
    count = Answers().forget_failures(None if prepared is None else keys(*prepared))
    stayed = drop_incomplete(prepared) if count else {}
    for folder, why in stayed.items():
        _say(f"{folder} {why}; the texts in it stay empty where they were.")
    typer.echo(f"{how_many(count, 'request')} will be asked again by the next run.")


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="JSON lines; gzipped where it ends with .gz.", dir_okay=False)],
    recipe: _OneRecipe = None,
    sets: _Sets = None,
) -> None:
    """Write stored answers to a file that others can import, so that they need not pay for them."""
    import gzip

    from sracl.cli.output import write_output
    from sracl.llm_providers.answers import Answers

    keys = _keys(recipe, sets)

    def write(part: Path) -> int:
        with gzip.open(part, "wt", encoding="utf-8") if part.suffix == ".gz" else part.open("w", encoding="utf-8") as lines:
            return Answers().export(lines, keys)

    count = write_output(file, write)
    typer.echo(how_many(count, "answer"))


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A file that `sracl llm export` wrote.", exists=True, dir_okay=False)]) -> None:
    """Take in answers of others; what is answered here already stays as it is."""
    import gzip
    import zlib

    from sracl.errors import DataError
    from sracl.llm_providers.answers import Answers

    try:
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            new, known = Answers().take_in(lines, str(file))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from error
    typer.echo(f"{how_many(new, 'new answer')}; {known:,} {'was' if known == 1 else 'were'} known")


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _prepared(recipe: str, sets: list[str] | None) -> tuple[Plan, Workshop]:
    from sracl.recipes.plan import plan
    from sracl.runs.execute import choose_device
    from sracl.runs.workshop import Workshop

    return plan(recipe, sets=sets or ()), Workshop(choose_device("cpu"), _say)


def _keys(recipe: str | None, sets: list[str] | None) -> list[str] | None:
    """Of the recipe's requests; None for all."""
    if recipe is None:
        return None
    from sracl.runs.llm_texts import keys

    return keys(*_prepared(recipe, sets))


def _cell(value: Any) -> str:
    return f"{value:,.6f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


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
