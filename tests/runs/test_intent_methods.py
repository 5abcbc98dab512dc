"""ICLRec and ICSRec from their recipes: what a step encodes, whom a sequence is paired with, and a run that is resumed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sracl.backbones.sasrec import SASRec
from sracl.data import datasets
from sracl.data.interactions import Interactions
from sracl.engine.step import training_loss
from sracl.engine.trainer import Trainer
from sracl.interfaces import Batch, Snapshot
from sracl.objectives.intent_contrast import IntentContrast
from sracl.objectives.intents import Intents
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.training import Kept, trainer_of

TINY = [
    "data.name=markov",
    "data.num_items=12",
    "data.num_users=30",
    "data.length=8",
    "data.max_length=6",
    "backbone.hidden_size=8",
    "backbone.inner_size=16",
    "train.batch_size=32",
]
METHODS = {"iclrec": ["next", "views", "intents"], "icsrec": ["next", "coarse", "fine"]}
both = pytest.mark.parametrize("method", METHODS)


def parts_of(method: str, data: Interactions | None = None) -> Parts:
    """Everything of a run, five intents in it, perhaps on other data than the recipe's."""
    sets = [*TINY, f"objective.{METHODS[method][2]}.num_intents=5"]
    (run,) = plan(f"methods/{method}", sets=sets, seeds=[1]).runs
    shop = Workshop(torch.device("cpu"), report=lambda line: None)
    if data is not None:
        shop.interactions = lambda run: data  # type: ignore[method-assign]
    return assemble(run, shop)


def intents_of(parts: Parts) -> IntentContrast:
    (found,) = [part.objective for part in parts.objectives if isinstance(part.objective, IntentContrast)]
    return found


def begin(parts: Parts) -> Intents:
    """Cluster, as at the beginning of a training."""
    backbone, samples, objective = parts.backbone.eval(), parts.samples, intents_of(parts)
    with torch.no_grad():
        table = backbone.item_table().clone()
        objective.begin_epoch(Snapshot(1, 0, table, lambda rows, want: backbone.encode(*samples.gather(rows), want=want)))
    assert objective.intents is not None
    return objective.intents


@both
def test_without_its_contrasts_a_method_is_sasrec(method: str) -> None:
    off = [f"objective.{name}.weight=0.0" for name in METHODS[method][1:]]
    (run,) = plan(f"methods/{method}", sets=off, seeds=[1]).runs
    (sasrec,) = plan("methods/sasrec", seeds=[1]).runs
    assert run.digest == sasrec.digest


class Counting(SASRec):
    """Remembers how many sequences each call encoded."""

    encoded: list[int]

    def encode(self, items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        self.encoded.append(len(items))
        return super().encode(items, lengths, **how)


@both
def test_a_step_encodes_three_passes_in_one_call(method: str) -> None:
    parts = parts_of(method)
    begin(parts)
    counting = Counting(parts.backbone.spec, hidden_size=8, inner_size=16)
    counting.encoded = []
    loss, terms = training_loss(counting, parts.objectives, parts.samples.batch(torch.arange(0, 80, 5)))
    torch.autograd.backward(loss)
    assert counting.encoded == [3 * 16]
    assert list(terms) == METHODS[method]
    assert all(float(value) > 0 for value in terms.values())


@both
def test_what_is_clustered_is_as_many_sequences_as_the_method_says(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clustered: list[int] = []

    def count(vectors: Tensor, num_clusters: int, **how: Any) -> Intents:
        clustered.append(len(vectors))
        return Intents(vectors[:num_clusters])

    monkeypatch.setattr("sracl.objectives.intent_contrast.k_means", count)
    parts = parts_of(method)
    begin(parts)
    # thirty users of eight items: five samples each, t = 1 … n - 3
    assert clustered == [{"iclrec": 30, "icsrec": 150}[method]]


def test_a_partner_has_the_same_target_and_where_there_is_another_content_that() -> None:
    parts = parts_of("icsrec")
    samples = parts.samples
    everything = samples.batch(torch.arange(len(samples)))
    first, second = intents_of(parts).views(everything)
    contents: dict[int, set[tuple[int, ...]]] = {}
    for target, items in zip(samples.targets.tolist(), first.items.tolist(), strict=True):
        contents.setdefault(target, set()).add(tuple(items))
    differ = (first.items != second.items).any(dim=1).tolist()
    assert differ == [len(contents[target]) > 1 for target in samples.targets.tolist()]
    assert sum(differ) > 100
    for target, items in zip(samples.targets.tolist(), second.items.tolist(), strict=True):
        assert tuple(items) in contents[target]


@both
def test_what_validates_and_tests_plays_no_part(method: str) -> None:
    data = datasets.load("markov", {"num_items": 12, "num_users": 30, "length": 8})
    items = data.items.copy()
    for back in (1, 2):
        items[data.offsets[1:] - back] = items[data.offsets[1:] - back] % 12 + 1
    assert np.array_equal(items != data.items, np.isin(np.arange(len(items)) % 8, [6, 7]))
    found = []
    for version in (data, dataclasses.replace(data, items=items)):
        parts = parts_of(method, version)
        centres = begin(parts).centres
        batch: Batch = parts.samples.batch(torch.arange(0, 150, 3))
        found.append((centres, training_loss(parts.backbone, parts.objectives, batch)[0]))
    (before, loss), (after, same) = found
    assert torch.equal(before, after)
    assert torch.equal(loss, same)


def trained(method: str, folder: Path, recorder: Kept) -> Trainer:
    parts = parts_of(method)
    assert intents_of(parts) in parts.trainings[-1].hooks
    return trainer_of(parts, folder, recorder, epochs=3)


@both
def test_resumed_equals_uninterrupted_bit_for_bit(method: str, tmp_path: Path) -> None:
    whole, first, second = Kept(), Kept(stop_at=(2, 3)), Kept()
    trained(method, tmp_path / "whole", whole).fit()
    with pytest.raises(KeyboardInterrupt):
        trained(method, tmp_path / "parts", first).fit()
    trained(method, tmp_path / "parts", second).fit()
    assert min(second.epochs) == 2
    assert {**first.epochs, **second.epochs} == whole.epochs
    ours, theirs = (load_file(tmp_path / name / "last.safetensors") for name in ("parts", "whole"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
