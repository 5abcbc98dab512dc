"""Describe, embed, retrieve: from interactions to tables of neighbours, each stage made once and shared by all runs.

A stage's key holds the data's fingerprint or the digest of the stage before it, its own slice of the plan, and the
version of the code that does it; so all keys of a run are known before anything is computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sracl.errors import DataError, UsageError
from sracl.registry.catalog import catalog
from sracl.registry.find_prompt import find_prompt
from sracl.registry.parameters import decisive
from sracl.runs.artifacts import Artifact, Artifacts, Report, digest_of
from sracl.runs.guard import Guard
from sracl.semantics import descriptions, embeddings, neighbours, requests
from sracl.semantics.versions import component_version, module_version

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes
    from sracl.interfaces import LLMProvider
    from sracl.semantics.requests import Requests

ITEMS, SEQUENCES = "semantics.items", "semantics.sequences"

Assemble = Callable[[str, Mapping[str, Any], str], Any]
"""`(kind, bound table, path) -> component`."""

_TEXTS, _VECTORS, _NEIGHBOURS, _SIMILARITIES = "texts.jsonl.gz", "vectors.npy", "neighbours.npy", "similarities.npy"
_KINDS = {"llm": "llm_provider", "text_encoder": "text_encoder", "retriever": "retriever"}
_ANY_DOMAIN = "everyday products"
_PROGRESS_SECONDS = 10.0


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


class Stage(NamedTuple):
    """One stage of a run: where its artifact will be, known beforehand."""

    label: str
    stage: str
    key: Mapping[str, Any]


def planned(values: Mapping[str, Any], data_fingerprint: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(label, stage, key) of every semantic stage of a run, in order; nothing is computed or imported.

    Args:
        values: The run's plan.
        data_fingerprint: As `sracl.data.datasets.fingerprint` gives it.
    """
    tables = values.get("semantics", {})
    domain = domain_of(values["data"]["name"])
    stages: list[tuple[str, str, Mapping[str, Any]]] = []
    if "items" in tables:
        stages.extend(_item_stages(tables["items"], data_fingerprint, domain))
    if "sequences" in tables:
        stages.extend(_sequence_stages(tables["sequences"], data_fingerprint, domain, values["data"]["max_length"]))
    return stages


def item_neighbours(
    interactions: Interactions, table: Mapping[str, Any], *, artifacts: Artifacts, assemble: Assemble, report: Report
) -> tuple[ItemTables, list[Artifact]]:
    """Neighbours and vectors of every item.

    Args:
        interactions: The data; only x_1 … x_{n-2} of each user is read.
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
        interactions: The data; with `pool = "train"` only x_1 … x_{n-2} of each user is read.
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
    return descriptions.load(next(artifact.folder for artifact in made if artifact.stage == "describe") / _TEXTS)


def some_texts(made: Sequence[Artifact], rows: Collection[int]) -> dict[int, str]:
    """The texts of some rows of the tables, by row."""
    return descriptions.pick(next(artifact.folder for artifact in made if artifact.stage == "describe") / _TEXTS, rows)


@dataclass(frozen=True)
class _Chain:
    """The three stages of one table."""

    path: str
    what: str
    table: Mapping[str, Any]
    stages: list[Stage]
    names: Sequence[str]
    """What each row is of: an item, or a user and a position."""
    requests: Requests
    """What is asked for the texts."""
    guard: Guard
    """Over what the texts read of each user's history."""
    artifacts: Artifacts
    assemble: Assemble
    report: Report

    def run(
        self, *, queries: NDArray[np.int64], groups: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], list[Artifact]]:
        """Neighbours of the queries, all vectors, and the three artifacts."""
        to_describe, to_embed, to_retrieve = self.stages
        # All that will be needed is built first: no description is paid for before its encoder is known to be there.
        parts = {
            slot: self._part(slot)
            for slot, stage in zip(_KINDS, self.stages, strict=True)
            if not self.artifacts.has(stage.stage, stage.key)
        }

        def part(slot: str) -> Any:
            return parts.get(slot) or self._part(slot)

        def write_vectors(folder: Path) -> dict[str, Any]:
            encoder = part("text_encoder")
            with self._timed(f"embedding {self.what} with {self.table['text_encoder']['use']}") as progress:
                if hasattr(encoder, "progress"):
                    encoder.progress = lambda done, total: progress(f"{done:,} of {total:,} texts")
                vectors = embeddings.embed(encoder, read_texts())
            embeddings.save(vectors, folder / _VECTORS)
            return {**self.guard.note(folder), **embeddings.facts(vectors, self.names), "encoder": dict(getattr(encoder, "facts", {}))}

        def write_neighbours(folder: Path) -> dict[str, Any]:
            retriever, k = part("retriever"), self.table["k"]
            table = read_vectors()
            with self._timed(f"finding {k} neighbours of {self.what} with {self.table['retriever']['use']}"):
                ids, similarities = retriever(table, k, queries=queries, groups=groups)
            neighbours.check_table(ids, queries, groups, k, type(retriever).__name__)
            told = dict(getattr(retriever, "facts", {}))
            if "recall" in told:
                self.report(f"{self.table['retriever']['use']}: found {told['recall']:.1%} of the exact neighbours of {self.what}")
            embeddings.save(ids.astype(np.int32), folder / _NEIGHBOURS)
            embeddings.save(similarities.astype(np.float32), folder / _SIMILARITIES)
            return {**self.guard.note(folder), **_neighbour_facts(ids, similarities), "retriever": told}

        def read_texts() -> list[str]:
            written = descriptions.load(texts.folder / _TEXTS)
            if not any(written):
                raise DataError(
                    f"{self.path}: nothing is known in words of any of the {self.what}. A data set needs titles or descriptions in "
                    "items.jsonl for this; methods/sasrec does without."
                )
            return written

        def read_vectors() -> NDArray[np.float32]:
            return embeddings.load(vectors.folder / _VECTORS, vectors.facts, self.names)

        texts = self._make(to_describe, lambda folder: self._write_texts(part("llm"), folder))
        vectors = self._make(to_embed, write_vectors, texts)
        found = self._make(to_retrieve, write_neighbours, vectors)
        ids = np.load(found.folder / _NEIGHBOURS, allow_pickle=False).astype(np.int64)
        neighbours.check_table(ids, queries, groups, self.table["k"], str(found.folder))
        if not (ids >= 0).any():
            raise DataError(f"{self.path}: not one of the {self.what} has a neighbour; are there texts?")
        return ids, read_vectors(), [texts, vectors, found]

    def describe(self) -> Artifact:
        """The texts alone."""
        return self._make(self.stages[0], lambda folder: self._write_texts(self._part("llm"), folder))

    def _part(self, slot: str) -> Any:
        return self.assemble(_KINDS[slot], self.table[slot], f"{self.path}.{slot}")

    def _write_texts(self, provider: LLMProvider, folder: Path) -> dict[str, Any]:
        with self._timed(f"describing {self.what} with {self.table['llm']['use']}") as progress:
            if hasattr(provider, "progress"):
                provider.progress = lambda done, total: progress(f"{done:,} of {total:,} requests")
            written = descriptions.describe(provider, self.requests.prompts(), progress=lambda done: progress(f"{done:,}"))
        told = dict(getattr(provider, "facts", {}))
        if "dollars" in told:
            self.report(f"{self.table['llm']['use']}: {_bill(told)}")
        texts = [written[number] for number in self.requests.of_row]
        descriptions.save(texts, folder / _TEXTS)
        words = {"name": self.requests.template.name, "version": self.requests.template.version}
        counts = {"rows": len(texts), "distinct": len(set(texts) - {""}), "empty": texts.count("")}
        return {**self.guard.note(folder), "prompt": words, **counts, "llm": told}

    def _make(self, stage: Stage, build: Callable[[Path], Mapping[str, Any]], *inputs: Artifact) -> Artifact:
        made = self.artifacts.make(stage.stage, stage.key, build, inputs=inputs, report=self.report)
        self.guard.check(made)
        if made.was_cached:
            self.report(f"{stage.label}: cached")
        return made

    def _timed(self, doing: str) -> _Timed:
        return _Timed(doing, self.report)


def _item_chain(
    interactions: Interactions, table: Mapping[str, Any], *, artifacts: Artifacts, assemble: Assemble, report: Report
) -> _Chain:
    domain = domain_of(interactions.name)
    asked = requests.of_items(interactions, contexts=table["contexts"], template=find_prompt(catalog(), table["prompt"]), domain=domain)
    return _Chain(
        path=ITEMS,
        what=f"{interactions.num_items:,} items",
        table=table,
        stages=_item_stages(table, interactions.fingerprint, domain),
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
) -> _Chain:
    domain = domain_of(interactions.name)
    return _Chain(
        path=SEQUENCES,
        what=f"{len(prefixes):,} {'sequences' if table['unit'] == 'prefix' else 'users'}",
        table=table,
        stages=_sequence_stages(table, interactions.fingerprint, domain, max_length),
        names=[f"{interactions.users[user]} {visible}" for user, visible in zip(prefixes.users, prefixes.visible, strict=True)],
        requests=requests.of_sequences(interactions, prefixes, template=find_prompt(catalog(), table["prompt"]), domain=domain),
        guard=Guard.over(interactions, prefixes, pool=table["pool"], what=f"{SEQUENCES}: pool"),
        artifacts=artifacts,
        assemble=assemble,
        report=report,
    )


class _Timed:
    """Says what is begun, how far it is every ten seconds, and how long it took."""

    def __init__(self, doing: str, report: Report) -> None:
        self._doing = doing
        self._report = report

    def __enter__(self) -> Callable[[str], None]:
        self._begun = self._spoken = time.monotonic()
        self._report(f"{self._doing} …")
        return self._progress

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            self._report(f"{self._doing}: {time.monotonic() - self._begun:.1f} s")

    def _progress(self, done: str) -> None:
        if time.monotonic() - self._spoken >= _PROGRESS_SECONDS:
            self._spoken = time.monotonic()
            self._report(f"{self._doing}: {done}")


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
        code = [module_version(*(folder / module for module in modules)), component_version(catalog(), kind, table[slot])]
        key = {**rest, slot: decisive(catalog(), kind, table[slot]), "code": code, **({"from": before} if before else {})}
        before = digest_of(stage, key)
        yield Stage(f"{stage} {name} with {table[slot]['use']}", stage, key)


def domain_of(dataset: str) -> str:
    """What the data set is about, for prompts; from its card, if it has one that says so."""
    try:
        return str(catalog().find("dataset", dataset).facts.get("domain", _ANY_DOMAIN))
    except UsageError:
        return _ANY_DOMAIN


def _bill(told: Mapping[str, Any]) -> str:
    """What a language model was asked, and what that cost."""
    bill = f"{told['asked']:,} requests asked, {told['known']:,} known, {told['dollars']:,.4f} dollars for all of them"
    if told["lost"]:
        bill += f"; {told['lost']:,} that came to nothing may have cost {told['dollars_in_doubt']:,.4f} dollars more at most"
    return bill + (f"; {told['failed']:,} have no answer" if told["failed"] else "")


def _neighbour_facts(ids: NDArray[np.int64], similarities: NDArray[np.float32]) -> dict[str, Any]:
    found = ids >= 0
    return {
        "rows": len(ids),
        "k": int(ids.shape[1]),
        "rows_without": int((~found.any(axis=1)).sum()),
        "rows_with_fewer": int((~found.all(axis=1)).sum()),
        "mean_similarity": round(float(similarities[found].mean()), 4) if found.any() else 0.0,
    }
