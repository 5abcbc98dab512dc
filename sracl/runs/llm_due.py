"""Requests that a plan would still send to the servers of language models, and what they may cost. Nobody is asked."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.data import datasets
from sracl.llm_providers import tokens
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.served import Served
from sracl.registry import parameters
from sracl.registry.catalog import catalog
from sracl.registry.signatures import defined, lineage
from sracl.runs import stages
from sracl.runs.llm_texts import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sracl.data.interactions import Interactions
    from sracl.interfaces import Prompt
    from sracl.recipes.plan import RunPlan


@dataclass(frozen=True)
class Due:
    """What the texts of one table still ask for."""

    dataset: str
    texts: str
    """`items` or `sequences`."""
    provider: str
    model: str
    """As the server calls it."""
    server: str
    requests: int
    """Different ones."""
    missing: int
    """Those that no answer is stored to, and that no table before asks for."""
    dollars: float | None
    """US dollars that the missing ones may cost, at the price of the model's card; None where it has none."""
    price_date: str | None
    """A day on which that price held."""
    key_missing: str | None
    """The environment variable that is to hold the server's key, where it is not set."""


def due(runs: Iterable[RunPlan]) -> list[Due]:
    """What would be asked, table by table, of those whose providers ask a server.

    Args:
        runs: Whose texts are still to be written, and whose data are here.

    Raises:
        DataError: A data set is malformed, or cannot be divided as a run asks.
        PluginError: A provider refuses its parameters.
    """
    found = []
    met: set[str] = set()
    for run, kind in tables(runs):
        table = run.values["semantics"][kind]
        if not _asks_a_server(table["llm"]):
            continue
        provider = _built(table["llm"], f"semantics.{kind}.llm")
        asked = unanswered(provider, run, kind, datasets.of_run(run.values))
        new = [prompt for key, prompt in asked.items() if prompt is not None and key not in met]
        met.update(asked)
        found.append(_counted(run, kind, provider, len(asked), new))
    return found


def unanswered(provider: Served, run: RunPlan, kind: str, data: Interactions) -> dict[str, Prompt | None]:
    """The requests of one table of texts by their keys; with their prompts, or None for those that are settled."""
    prompts = stages.asked(kind, data, run.values["semantics"][kind], max_length=run.values["data"]["max_length"]).prompts()
    asked = [prompt for prompt in prompts if not prompt.is_empty]
    by_key = {request.key: prompt for request, prompt in zip(provider.requests(asked), asked, strict=True)}
    settled = Answers().find(list(by_key))
    return {key: None if key in settled else prompt for key, prompt in by_key.items()}


def is_let_in(provider: Served) -> bool:
    """Whether the key of a provider's server is in the environment, or none is asked for."""
    variable = provider.server.api_key_env
    return variable is None or bool(os.environ.get(variable))


def _counted(run: RunPlan, kind: str, provider: Served, requests: int, missing: list[Prompt]) -> Due:
    server, card = provider.server, provider.server.card
    dollars = None
    if card is not None:
        read, written = sum(map(tokens.of_request, missing)), sum(tokens.of_answer(prompt.answer) for prompt in missing)
        dollars = card.cost(read, written, batch=server.batch)
    return Due(
        dataset=run.values["data"]["name"],
        texts=kind,
        provider=run.values["semantics"][kind]["llm"]["use"],
        model=server.model,
        server=server.host,
        requests=requests,
        missing=len(missing),
        dollars=dollars,
        price_date=card.price_date.isoformat() if card else None,
        key_missing=server.api_key_env if missing and not is_let_in(provider) else None,
    )


def _asks_a_server(table: Mapping[str, Any]) -> bool:
    """Whether a provider is built on `Served`; its module is not imported for this, which can take a second."""
    entry = catalog().find("llm_provider", table["use"]).entry or ""
    module, node = defined(entry)
    return isinstance(node, ast.ClassDef) and any(
        (home.name, owner.name) == (Served.__module__, Served.__name__) for home, owner in lineage(module, node)
    )


def _built(table: Mapping[str, Any], path: str) -> Served:
    def given(name: str, _: str) -> Any:
        raise KeyError(f"an llm_provider is not given '{name}'")

    made: Served = parameters.build(catalog(), "llm_provider", table, given, path)
    return made
