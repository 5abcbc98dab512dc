"""What the texts of a recipe would cost: at every granularity, with every language model that has a card. Nobody is asked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sracl.data import by_time, datasets
from sracl.errors import UsageError
from sracl.llm_providers import tokens
from sracl.registry.catalog import catalog
from sracl.registry.find_card import find_card
from sracl.registry.find_prompt import find_prompt
from sracl.registry.llm import LLM
from sracl.registry.named_llm import names_file
from sracl.runs.stages import domain_of
from sracl.semantics import neighbours, requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sracl.data.interactions import Interactions
    from sracl.interfaces import Prompt
    from sracl.recipes.plan import Plan
    from sracl.registry.card import Card
    from sracl.semantics.requests import Requests

_DECISIVE = ("prompt", "contexts", "unit", "pool")
"""Settings of a table that decide what is asked."""


@dataclass(frozen=True)
class Granularity:
    """What a text may be written for."""

    name: str
    """`training prefixes`, `users` or `items`; without `training` where a leaky pool lets others in."""
    chosen: bool
    """Whether the recipe has texts written for these."""
    rows: int
    """Texts that come of it."""
    requests: int
    """Different requests, since the same is never asked twice and nobody is asked about what nothing is known of."""
    tokens_in: int
    """Tokens of all requests."""
    tokens_out: int
    """Tokens that their answers are expected to have."""
    longest: int
    """Tokens of the longest request."""
    example: Mapping[str, str] = field(compare=False)
    """The longest request itself: `system` and `user`."""


@dataclass(frozen=True)
class Price:
    """What one language model would charge."""

    llm: str
    """Name of its card."""
    price_date: str
    batch: bool
    """Whether the requests go as batches, for the discount that these have."""
    dollars: Mapping[str, float]
    """US dollars by granularity."""
    total: float
    """US dollars of what the recipe has chosen."""
    cut: tuple[str, ...]
    """Granularities with requests that are longer than the model reads."""


@dataclass(frozen=True)
class Outlay:
    """What one way of putting one data set into words would cost."""

    dataset: str
    granularities: tuple[Granularity, ...]
    prices: tuple[Price, ...]
    """Of every card, and of those that the recipe names by their files.

    Nothing is taken off for what a server may still know of earlier requests.
    """


def outlays(plan: Plan) -> list[Outlay]:
    """The outlay of each of the recipe's ways of putting things into words, whatever provider it names.

    Raises:
        UsageError: The recipe has no use for texts.
        DataError: A data set is absent or malformed.
    """
    ways = {_decisive(run.values): run.values for run in reversed(plan.runs) if run.values.get("semantics")}
    whole = [way for way in ways if not any(way < other for other in ways)]
    if not whole:
        raise UsageError(f"{plan.name} has no use for texts: none of its parts needs [semantics]. methods/sracl has.")
    models = [LLM.of(card) for card in (*catalog().cards("llm"), *_own_cards(plan))]
    return [_outlay(ways[way], models) for way in reversed(whole)]


def _own_cards(plan: Plan) -> list[Card]:
    """Cards that the recipe names by their files."""
    tables = [table["llm"] for run in plan.runs for table in run.values["semantics"].values()]
    return [find_card(catalog(), "llm", file) for file in dict.fromkeys(table["llm"] for table in tables if names_file(catalog(), table))]


def _decisive(values: Mapping[str, Any]) -> frozenset[str]:
    """What decides what a run asks; a run that asks for some of what another asks has some of these."""
    data = [values["data"], by_time.training(values["evaluation"]["split"])]
    return frozenset(
        json.dumps([data, kind, {key: table[key] for key in _DECISIVE if key in table}], sort_keys=True)
        for kind, table in values["semantics"].items()
    )


def _outlay(values: Mapping[str, Any], models: Sequence[LLM]) -> Outlay:
    data, tables = values["data"], values["semantics"]
    interactions = datasets.of_run(values)
    granularities = tuple(_counted(name, chosen, asked) for name, chosen, asked in _granularities(interactions, tables, data["max_length"]))
    prices = [_price(llm, granularities, batch=batch) for llm in models for batch in ((False, True) if llm.batch_discount else (False,))]
    return Outlay(data["name"], granularities, tuple(prices))


def _granularities(interactions: Interactions, tables: Mapping[str, Any], max_length: int) -> Iterator[tuple[str, bool, Requests]]:
    """Name, whether the recipe has chosen it, and what would be asked."""
    domain = domain_of(interactions.name)
    words = {kind: find_prompt(catalog(), table["prompt"]) for kind, table in tables.items()}
    if table := tables.get("sequences"):
        prefixes = "training prefixes" if table["pool"] == "train" else "prefixes"
        units: tuple[tuple[Literal["prefix", "user"], str], ...] = (("prefix", prefixes), ("user", "users"))
        for unit, name in units:
            pool = neighbours.sequence_pool(interactions, max_length, unit=unit, pool=table["pool"])
            yield (
                name,
                table["unit"] == unit,
                requests.of_sequences(interactions, pool.prefixes, template=words["sequences"], domain=domain),
            )
    if table := tables.get("items"):
        yield "items", True, requests.of_items(interactions, contexts=table["contexts"], template=words["items"], domain=domain)


def _counted(name: str, chosen: bool, asked: Requests) -> Granularity:
    met: set[bytes] = set()
    tokens_in = tokens_out = longest = 0
    example: Prompt | None = None
    for prompt in asked.prompts():
        if prompt.is_empty:
            continue
        key = hashlib.blake2b(f"{prompt.system}\0{prompt.user}".encode(), digest_size=16).digest()
        if key in met:
            continue
        met.add(key)
        size = tokens.of_request(prompt)
        tokens_in += size
        tokens_out += tokens.of_answer(prompt.answer)
        if size > longest:
            longest, example = size, prompt
    shown = {"system": example.system, "user": example.user} if example else {}
    return Granularity(name, chosen, len(asked.of_row), len(met), tokens_in, tokens_out, longest, shown)


def _price(llm: LLM, granularities: tuple[Granularity, ...], *, batch: bool) -> Price:
    dollars = {each.name: llm.cost(each.tokens_in, each.tokens_out, batch=batch) for each in granularities}
    return Price(
        llm=llm.name,
        price_date=llm.price_date.isoformat(),
        batch=batch,
        dollars=dollars,
        total=sum(dollars[each.name] for each in granularities if each.chosen),
        cut=tuple(each.name for each in granularities if each.longest > llm.longest_prompt),
    )
