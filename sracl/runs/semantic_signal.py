"""The signal in the texts of a recipe: its stages before training, and what can be told from them alone."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sracl.data.interactions import LEAVE_ONE_OUT, Rows, Split
from sracl.data.splits import training_prefixes
from sracl.errors import UsageError
from sracl.registry.catalog import bare
from sracl.semantics.signal import Alike, Coverage, NextItem, Transitions, alike, coverage, next_item, transitions

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions
    from sracl.recipes.plan import RunPlan
    from sracl.runs.workshop import Workshop


@dataclass(frozen=True)
class ItemSignal:
    """What the texts of items tell."""

    coverage: Coverage
    transitions: Transitions
    next_item: NextItem
    next_item_unseen: bool
    """Whether the texts that `next_item` went by have not seen the transitions that were asked for."""


@dataclass(frozen=True)
class SequenceSignal:
    """What the texts of sequences tell."""

    coverage: Coverage
    """Of the pool."""
    neighbours: Alike


@dataclass(frozen=True)
class Signal:
    """What can be told from the texts of a recipe before anything is trained."""

    dataset: str
    items: ItemSignal | None
    sequences: SequenceSignal | None


def signal(run: RunPlan, shop: Workshop, *, as_they_are: bool = False) -> Signal:
    """Measure the texts of a run, which are made if they are not there.

    Item texts may show training sequences that end with the item, and so the very transition that `next_item` asks for. Those
    of the free provider `template` are therefore made once more from one interaction less of each user, and encoded; those of
    any other are taken as they are, which makes its figure an upper bound.

    Args:
        run: Of which data, texts, vectors and neighbours.
        shop: Where they are made and kept.
        as_they_are: Take those of `template` as they are, too.

    Raises:
        UsageError: The recipe puts nothing into words.
        DataError: The data set is absent, or nothing is known of it in words.
    """
    tables = run.values["semantics"]
    if not tables:
        raise UsageError(
            "this recipe puts nothing into words: it has no [semantics.items] and no [semantics.sequences]. methods/sracl does."
        )
    data = shop.interactions(run)
    return Signal(
        dataset=run.values["data"]["name"],
        items=_item_signal(run, shop, data, as_they_are=as_they_are) if "items" in tables else None,
        sequences=_sequence_signal(run, shop, data) if "sequences" in tables else None,
    )


def _item_signal(run: RunPlan, shop: Workshop, data: Interactions, *, as_they_are: bool) -> ItemSignal:
    found, _ = shop.neighbours("items", run, data)
    table = run.values["semantics"]["items"]
    unseen, vectors = table["contexts"] == 0, found.vectors
    if not unseen and not as_they_are and bare(table["llm"]["use"]) == "template":
        shop.report("items once more, from one interaction less of each user:")
        earlier, _ = shop.neighbours("items", run, _one_less(data))
        unseen, vectors = True, earlier.vectors
    return ItemSignal(coverage(found.vectors[1:]), transitions(data, found.vectors), next_item(data, vectors), unseen)


def _sequence_signal(run: RunPlan, shop: Workshop, data: Interactions) -> SequenceSignal:
    found, made = shop.neighbours("sequences", run, data)
    targets = training_prefixes(data, run.values["data"]["max_length"]).targets
    similarity = made[-1].facts["mean_similarity"]
    return SequenceSignal(coverage(found.vectors), alike(found.pool, found.rows, found.ids, targets, similarity))


def _one_less(data: Interactions) -> Interactions:
    """The data of which one interaction less of each user trains."""
    nobody = Rows(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    label, training = (data.split.label, data.split.training) if data.split else (LEAVE_ONE_OUT, LEAVE_ONE_OUT)
    split = Split(label, training, trained=np.maximum(data.trained - 1, 0), valid=nobody, test=nobody)
    fingerprint = hashlib.sha256(f"{data.fingerprint} without the last interaction of each user".encode()).hexdigest()
    return dataclasses.replace(data, split=split, fingerprint=fingerprint)
