"""Texts, vectors, neighbours: the three stages of one table, one after another, each looked up or made."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sracl.errors import DataError
from sracl.semantics import descriptions, embeddings, neighbours

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sracl.interfaces import LLMProvider
    from sracl.runs.artifacts import Artifact, Artifacts, Report
    from sracl.runs.guard import Guard
    from sracl.semantics.requests import Requests

Assemble = Callable[[str, Mapping[str, Any], str], Any]
"""`(kind, bound table, path) -> component`."""

TEXTS, _VECTORS, _NEIGHBOURS, _SIMILARITIES = "texts.jsonl.gz", "vectors.npy", "neighbours.npy", "similarities.npy"
SLOTS = {"llm": "llm_provider", "text_encoder": "text_encoder", "retriever": "retriever"}
"""What a table is made with, in the order of its stages -> the kind of component."""
_PROGRESS_SECONDS = 10.0


class Stage(NamedTuple):
    """One stage of a run: where its artifact will be, known beforehand."""

    label: str
    stage: str
    key: Mapping[str, Any]


@dataclass(frozen=True)
class Chain:
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
            slot: self._part(slot) for slot, stage in zip(SLOTS, self.stages, strict=True) if not self.artifacts.has(stage.stage, stage.key)
        }

        def part(slot: str) -> Any:
            return parts.get(slot) or self._part(slot)

        def write_vectors(folder: Path) -> dict[str, Any]:
            encoder = part("text_encoder")
            with self._timed(f"embedding {self.what} with {self.table['text_encoder']['use']}") as progress:
                if hasattr(encoder, "progress"):
                    encoder.progress = lambda done, total: progress(f"{done:,} of {total:,} texts")
                if hasattr(encoder, "unfinished"):
                    encoder.unfinished = self.artifacts.unfinished(to_embed.stage, to_embed.key)
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
            written = descriptions.load(texts.folder / TEXTS)
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
        return self.assemble(SLOTS[slot], self.table[slot], f"{self.path}.{slot}")

    def _write_texts(self, provider: LLMProvider, folder: Path) -> dict[str, Any]:
        with self._timed(f"describing {self.what} with {self.table['llm']['use']}") as progress:
            if hasattr(provider, "progress"):
                provider.progress = lambda done, total: progress(f"{done:,} of {total:,} requests")
            written = descriptions.describe(provider, self.requests.prompts(), progress=lambda done: progress(f"{done:,}"))
        told = dict(getattr(provider, "facts", {}))
        if "dollars" in told:
            self.report(f"{self.table['llm']['use']}: {_bill(told)}")
        texts = [written[number] for number in self.requests.of_row]
        descriptions.save(texts, folder / TEXTS)
        words = {"name": self.requests.template.name, "version": self.requests.template.version}
        counts = {"rows": len(texts), "distinct": len(set(texts) - {""}), "empty": texts.count("")}
        of = {"dataset": self.guard.interactions.name}
        return {**self.guard.note(folder), **of, "prompt": words, **counts, "llm": told}

    def _make(self, stage: Stage, build: Callable[[Path], Mapping[str, Any]], *inputs: Artifact) -> Artifact:
        made = self.artifacts.make(stage.stage, stage.key, build, inputs=inputs, report=self.report)
        self.guard.check(made)
        if made.was_cached:
            self.report(f"{stage.label}: cached")
        return made

    def _timed(self, doing: str) -> _Timed:
        return _Timed(doing, self.report)


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
