"""Describe, embed, retrieve: from interactions to tables of neighbours, each stage made once and shared by all runs.

A stage's key holds the data's fingerprint or the digest of the stage before it, its own slice of the plan, and the
version of the code that does it; so all keys of a run are known before anything is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sracl.data import by_time
from sracl.data.interactions import training_fingerprint
from sracl.errors import UsageError
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.registry.named_llm import names_file
from sracl.registry.parameters import decisive
from sracl.runs.artifacts import Artifact, Artifacts, Report, digest_of
from sracl.runs.chain import TEXTS, Assemble, Chain, Stage
from sracl.runs.guard import Guard
from sracl.semantics import descriptions, neighbours, requests
from sracl.semantics.versions import component_version, module_version

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes
    from sracl.semantics.requests import Requests

ITEMS, SEQUENCES = "semantics.items", "semantics.sequences"

_ANY_DOMAIN = "everyday products"


@dataclass(frozen=True, eq=False)
class ItemTables:
    """What texts say of the items."""

    neighbours: NDArray[np.int64]
    """Ids, int64 [V + 1, k], 0 where there is none."""
    vectors: NDArray[np.float32]
    """Semantic vector of every item, float32 [V + 1, e]; row 0 and items without a text are zero."""


@dataclass(frozen=True, eq=False)
class SequenceTables:
    """Semantic neighbours of the training samples."""

    ids: NDArray[np.int64]
    """Pool rows, int64 [S, k], -1 where there is none."""
    rows: NDArray[np.int64]
    """Pool row of each training sample, int64 [S]."""
    pool: Prefixes
    """The sequences that may be neighbours, P of them."""
    vectors: NDArray[np.float32]
    """Semantic vector of every pool row, float32 [P, e]."""


def planned(values: Mapping[str, Any], data_fingerprint: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(label, stage, key) of every semantic stage of a run, in order; nothing is computed or imported.

    Args:
        values: The run's plan.
        data_fingerprint: As `sracl.data.datasets.fingerprint` gives it.
    """
    tables = values.get("semantics", {})
    domain = domain_of(values["data"]["name"])
    trains = training_fingerprint(data_fingerprint, by_time.training(values["evaluation"]["split"]))
    stages: list[tuple[str, str, Mapping[str, Any]]] = []
    if "items" in tables:
        stages.extend(_item_stages(tables["items"], trains, domain))
    if "sequences" in tables:
        stages.extend(_sequence_stages(tables["sequences"], trains, domain, values["data"]["max_length"]))
    return stages


def item_neighbours(
    interactions: Interactions, table: Mapping[str, Any], *, artifacts: Artifacts, assemble: Assemble, report: Report
) -> tuple[ItemTables, list[Artifact]]:
    """Neighbours and vectors of every item.

    Args:
        interactions: The data; only x_1 … x_m of each user, what trains, is read.
        table: `semantics.items` of the plan.
        artifacts: Where results are kept.
        assemble: Builds components.
        report: Told what is done, line by line.

    Returns:
        The tables, and the artifacts behind them.

    Raises:
        DataError: k is larger than the number of other items, or no item has a text.
    """
    neighbours.check_pool(interactions.num_items, table["k"], ITEMS)
    rows = np.arange(interactions.num_items)
    chain = _item_chain(interactions, table, artifacts=artifacts, assemble=assemble, report=report)
    ids, vectors, made = chain.run(queries=rows, groups=rows)
    return ItemTables(neighbours.item_table(ids), np.concatenate([np.zeros_like(vectors[:1]), vectors])), made


def sequence_neighbours(
    interactions: Interactions, table: Mapping[str, Any], *, max_length: int, artifacts: Artifacts, assemble: Assemble, report: Report
) -> tuple[SequenceTables, list[Artifact]]:
    """Neighbours of every training sample, among the sequences of the pool.

    Args:
        interactions: The data; with `pool = "train"` only x_1 … x_m of each user, what trains, is read.
        table: `semantics.sequences` of the plan.
        max_length: Items read of a sequence, the last ones.
        artifacts: Where results are kept.
        assemble: Builds components.
        report: Told what is done, line by line.

    Returns:
        The tables, and the artifacts behind them.

    Raises:
        DataError: k is larger than the rest of the pool, or no sequence has a text.
    """
    pool = neighbours.sequence_pool(interactions, max_length, unit=table["unit"], pool=table["pool"])
    neighbours.check_pool(len(pool.prefixes), table["k"], SEQUENCES)
    queries = np.unique(pool.rows)
    chain = _sequence_chain(
        interactions, table, pool.prefixes, max_length=max_length, artifacts=artifacts, assemble=assemble, report=report
    )
    ids, vectors, made = chain.run(queries=queries, groups=neighbours.groups(pool.prefixes, table["exclude"]))
    return SequenceTables(ids[np.searchsorted(queries, pool.rows)], pool.rows, pool.prefixes, vectors), made


def write_texts(
    kind: str,
    interactions: Interactions,
    table: Mapping[str, Any],
    *,
    max_length: int,
    artifacts: Artifacts,
    assemble: Assemble,
    report: Report,
) -> Artifact:
    """The texts of `items` or `sequences` alone, as the first stage of its neighbours makes them.

    Raises:
        DataError: Nothing can be written of some of them.
    """
    made: dict[str, Any] = {"artifacts": artifacts, "assemble": assemble, "report": report}
    if kind == "items":
        return _item_chain(interactions, table, **made).describe()
    pool = neighbours.sequence_pool(interactions, max_length, unit=table["unit"], pool=table["pool"])
    return _sequence_chain(interactions, table, pool.prefixes, max_length=max_length, **made).describe()


def asked(kind: str, interactions: Interactions, table: Mapping[str, Any], *, max_length: int) -> Requests:
    """What is asked for the texts of `items` or `sequences`."""
    words: dict[str, Any] = {"template": find_prompt(catalog(), table["prompt"]), "domain": domain_of(interactions.name)}
    if kind == "items":
        return requests.of_items(interactions, contexts=table["contexts"], **words)
    pool = neighbours.sequence_pool(interactions, max_length, unit=table["unit"], pool=table["pool"])
    return requests.of_sequences(interactions, pool.prefixes, **words)


def texts(made: Sequence[Artifact]) -> list[str]:
    """The texts behind tables, one per row, of the artifacts that came with them."""
    return descriptions.load(next(artifact.folder for artifact in made if artifact.stage == "describe") / TEXTS)


def some_texts(made: Sequence[Artifact], rows: Collection[int]) -> dict[int, str]:
    """The texts of some rows of the tables, by row."""
    return descriptions.pick(next(artifact.folder for artifact in made if artifact.stage == "describe") / TEXTS, rows)


def _item_chain(interactions: Interactions, table: Mapping[str, Any], *, artifacts: Artifacts, assemble: Assemble, report: Report) -> Chain:
    domain = domain_of(interactions.name)
    asked = requests.of_items(interactions, contexts=table["contexts"], template=find_prompt(catalog(), table["prompt"]), domain=domain)
    return Chain(
        path=ITEMS,
        what=f"{interactions.num_items:,} items",
        table=table,
        stages=_item_stages(table, interactions.training_fingerprint, domain),
        names=interactions.item_ids,
        requests=asked,
        guard=Guard.over(interactions, asked.reads, pool="train", what=f"{ITEMS}: contexts"),
        artifacts=artifacts,
        assemble=assemble,
        report=report,
    )


def _sequence_chain(
    interactions: Interactions,
    table: Mapping[str, Any],
    prefixes: Prefixes,
    *,
    max_length: int,
    artifacts: Artifacts,
    assemble: Assemble,
    report: Report,
) -> Chain:
    domain = domain_of(interactions.name)
    return Chain(
        path=SEQUENCES,
        what=f"{len(prefixes):,} {'sequences' if table['unit'] == 'prefix' else 'users'}",
        table=table,
        stages=_sequence_stages(table, interactions.training_fingerprint, domain, max_length),
        names=[f"{interactions.users[user]} {visible}" for user, visible in zip(prefixes.users, prefixes.visible, strict=True)],
        requests=requests.of_sequences(interactions, prefixes, template=find_prompt(catalog(), table["prompt"]), domain=domain),
        guard=Guard.over(interactions, prefixes, pool=table["pool"], what=f"{SEQUENCES}: pool"),
        artifacts=artifacts,
        assemble=assemble,
        report=report,
    )


def _item_stages(table: Mapping[str, Any], fingerprint: str, domain: str) -> list[Stage]:
    first = {
        "data": fingerprint,
        "domain": domain,
        "prompt": find_prompt(catalog(), table["prompt"]).fingerprint,
        "unit": "item",
        "contexts": table["contexts"],
        "reads": "train",
    }
    return list(_stages("items", table, first, {"k": table["k"], "exclude": "same_row"}))


def _sequence_stages(table: Mapping[str, Any], fingerprint: str, domain: str, max_length: int) -> list[Stage]:
    leaky = table["pool"] != "train"
    first = {
        "data": fingerprint,
        "domain": domain,
        "prompt": find_prompt(catalog(), table["prompt"]).fingerprint,
        "unit": table["unit"],
        "max_length": max_length,
        "reads": "validation" if leaky else "train",
    }
    return list(_stages("sequences", table, first, {"k": table["k"], "exclude": table["exclude"]}))


def _stages(name: str, table: Mapping[str, Any], first: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[Stage]:
    folder = Path(requests.__file__).parent
    steps: tuple[tuple[str, str, str, tuple[str, ...], Mapping[str, Any]], ...] = (
        ("describe", "llm", "llm_provider", ("requests.py", "descriptions.py", "neighbours.py", "reach.py"), first),
        ("embed", "text_encoder", "text_encoder", ("embeddings.py",), {}),
        ("retrieve", "retriever", "retriever", ("neighbours.py",), last),
    )
    before = None
    for stage, slot, kind, modules, rest in steps:
        code = [
            module_version(*(folder / module for module in modules)),
            component_version(catalog(), kind, _without_card(kind, table[slot])),
        ]
        key = {**rest, slot: decisive(catalog(), kind, table[slot]), "code": code, **({"from": before} if before else {})}
        before = digest_of(stage, key)
        yield Stage(f"{stage} {name} with {table[slot]['use']}", stage, key)


def _without_card(kind: str, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """A provider's table without the file of its language model's card: of what it says, what decides stands in the key."""
    return {**table, "llm": None} if kind == "llm_provider" and names_file(catalog(), table) else table


def domain_of(dataset: str) -> str:
    """What the data set is about, for prompts; from its card, if it has one that says so."""
    try:
        return str(catalog().find("dataset", dataset).facts.get("domain", _ANY_DOMAIN))
    except UsageError:
        return _ANY_DOMAIN
