"""The texts of a recipe without its training: written, or looked up among the answers that are stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.data import by_time
from sracl.errors import UsageError
from sracl.llm_providers.answers import Answers
from sracl.registry.catalog import OWNER, catalog
from sracl.runs import stages
from sracl.runs.artifacts import digest_of, record_of
from sracl.runs.cache import contents, remove
from sracl.tracking.values import now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sracl.recipes.plan import Plan, RunPlan
    from sracl.runs.artifacts import Artifact
    from sracl.runs.workshop import Workshop


@dataclass(frozen=True)
class Standing:
    """How far the texts of one table are."""

    dataset: str
    texts: str
    """`items` or `sequences`."""
    provider: str
    requests: int
    """Different ones."""
    answered: int
    failed: int
    missing: int
    dollars_spent: float
    """What they have cost so far; attempts whose cost is not known are in it with the most that it can be."""


def write(plan: Plan, shop: Workshop) -> list[tuple[str, Artifact]]:
    """Have every text of a recipe written; the data set and kind of each table, and its artifact.

    Raises:
        UsageError: The recipe has no use for texts.
    """
    return [(f"{run.values['data']['name']}: {kind}", shop.texts(kind, run, shop.interactions(run))) for run, kind in _tables(plan)]


def standings(plan: Plan, shop: Workshop) -> list[Standing]:
    """How far every table of texts is whose provider stores its answers. Nobody is asked.

    Raises:
        UsageError: There is none.
    """
    from sracl.llm_providers.ledger import PICODOLLARS

    answers = Answers()
    found = []
    for run, kind, asked in _asked(plan, shop):
        kept = answers.find(asked)
        answered = sum(entry.reply is not None for entry in kept.values())
        found.append(
            Standing(
                dataset=run.values["data"]["name"],
                texts=kind,
                provider=run.values["semantics"][kind]["llm"]["use"],
                requests=len(asked),
                answered=answered,
                failed=len(kept) - answered,
                missing=len(asked) - len(kept),
                dollars_spent=answers.spent(asked) / PICODOLLARS,
            )
        )
    return found


def keys(plan: Plan, shop: Workshop) -> list[str]:
    """Of all requests that a recipe's texts come of.

    Raises:
        UsageError: None of its providers stores answers.
    """
    return list(dict.fromkeys(key for _, _, asked in _asked(plan, shop) for key in asked))


def drop_incomplete(of: tuple[Plan, Workshop] | None = None) -> dict[str, str]:
    """Remove texts some of which were left empty for want of an answer, of a recipe or all, so that they are written anew.

    Everything else that was written in them is found among the answers again, where the provider is one of sracl's; those of others
    may keep no answers, and their texts stay.

    Returns:
        Why they stay, by the folders of those that do.
    """
    only = None
    if of is not None:
        plan, shop = of
        planned = [stages.planned(run.values, shop.interactions(run).fingerprint) for run, _ in _tables(plan)]
        only = {digest_of(stage, key) for each in planned for _, stage, key in each}
    ours = {card.name for card in catalog().cards("llm_provider") if card.owner == OWNER}
    found = [each for each in contents(paths.cache(), {}) if each.stage == "describe" and each.made_with in ours and not each.damage]
    failed = [each for each in found if record_of(each.folder).get("facts", {}).get("llm", {}).get("failed")]
    stayed = {str(each.folder): remove(each, unused_since=now()) for each in failed if only is None or each.digest in only}
    return {folder: why for folder, why in stayed.items() if why}


def tables(runs: Iterable[RunPlan]) -> list[tuple[RunPlan, str]]:
    """A run and a kind of texts for every table of them that differs."""
    met: dict[str, tuple[RunPlan, str]] = {}
    for run in runs:
        for kind, table in run.values["semantics"].items():
            decisive: dict[str, Any] = {
                name: value for name, value in table.items() if name not in ("text_encoder", "retriever", "k", "exclude")
            }
            data = [run.values["data"], by_time.training(run.values["evaluation"]["split"])]
            met.setdefault(json.dumps([data, kind, decisive], sort_keys=True), (run, kind))
    return list(met.values())


def _tables(plan: Plan) -> list[tuple[RunPlan, str]]:
    """Those of a recipe.

    Raises:
        UsageError: It has none.
    """
    if not (found := tables(plan.runs)):
        raise UsageError(f"{plan.name} has no use for texts: none of its parts needs [semantics]. methods/sracl has.")
    return found


def _asked(plan: Plan, shop: Workshop) -> Iterator[tuple[RunPlan, str, list[str]]]:
    """Run, kind of texts, and the keys of its different requests."""
    found = False
    for run, kind in _tables(plan):
        table = run.values["semantics"][kind]
        provider = shop.component("llm_provider", table["llm"], f"semantics.{kind}.llm")
        if not hasattr(provider, "requests"):
            continue
        found = True
        prompts = stages.asked(kind, shop.interactions(run), table, max_length=run.values["data"]["max_length"]).prompts()
        asked = provider.requests([prompt for prompt in prompts if not prompt.is_empty])
        yield run, kind, list(dict.fromkeys(request.key for request in asked))
    if not found:
        raise UsageError(
            f"none of the LLM providers of {plan.name} stores answers. "
            '--set semantics.items.llm=\'{use="openai", llm="deepseek-flash"}\' names one that does.'
        )
