"""S3-Rec from its recipe: a stage that reads in both directions, and SASRec's training on the weights it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sracl.data.attributes import ItemAttributes
from sracl.engine.step import training_loss
from sracl.errors import PluginError, RecipeError
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.execute import execute
from sracl.runs.parts import Parts
from sracl.runs.screen import Screen
from sracl.runs.workshop import Workshop
from sracl.tracking.store import Store

TINY = [
    "data.name=markov",
    "data.num_items=30",
    "data.num_users=24",
    "data.length=7",
    "data.max_length=6",
    "vars.hidden_size=16",
    "backbone.inner_size=16",
    "stage.pretrain.train.batch_size=32",
    "stage.pretrain.train.epochs=2",
    "train.batch_size=32",
    "train.epochs=1",
]
OBJECTIVES = ("attributes", "items", "segments")
WITHOUT_STAGE = """
recipe = 1
extends = "methods/s3rec"
name = "straight"
unset = ["stage"]
"""


def parts_of(*sets: str) -> Parts:
    (run,) = plan("methods/s3rec", sets=[*TINY, *sets], seeds=[1]).runs
    return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))


def test_a_step_of_the_stage_encodes_four_sequences_a_row_in_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of()
    pretraining, _ = parts.trainings
    encode, calls = parts.backbone.encode, []

    def watch(items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        calls.append((items, how["mask"]))
        return encode(items, lengths, **how)

    monkeypatch.setattr(parts.backbone, "encode", watch)
    batch = pretraining.samples.batch(torch.arange(20))
    total, terms = training_loss(parts.backbone, pretraining.objectives, batch)

    ((items, mask),) = calls
    assert len(items) == 4 * 20  # the masked copy, which two objectives read, and three of the segment
    assert mask == "bidirectional"
    assert list(terms) == list(OBJECTIVES)
    torch.testing.assert_close(total, terms["attributes"] + terms["items"] + 0.5 * terms["segments"])


def test_samples_of_the_stage_are_prefixes_without_targets_and_those_of_the_training_are_sasrecs() -> None:
    pretraining, training = parts_of().trainings
    # 24 users train 5 of 7 items, all seen: five prefixes each; four of them are followed by an item that trains
    assert (len(pretraining.samples), len(training.samples)) == (24 * 5, 24 * 4)
    assert not pretraining.samples.targets.any()
    assert bool((training.samples.targets > 0).all())


def test_training_goes_on_from_the_weights_of_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    begun = parts_of().backbone.state_dict()
    with Store.open(tmp_path / "store.db") as store, Screen(quiet=True) as screen:
        # steps too short to be seen leave the weights that the stage ended with
        (result,) = execute(plan("methods/s3rec", sets=[*TINY, "train.optimizer.lr=1e-9"], seeds=[1]), store, screen, device="cpu")
    assert result.status == "trained", result.reason
    folder = tmp_path / "runs" / result.run_id
    pretrained, trained = load_file(folder / "pretrain.best.safetensors"), load_file(folder / "best.safetensors")
    assert set(pretrained) == set(trained) == set(begun)  # nothing of the stage's objectives
    for name, weights in trained.items():
        torch.testing.assert_close(weights, pretrained[name], atol=1e-7, rtol=0)
    assert not torch.allclose(pretrained["item_embedding.weight"], begun["item_embedding.weight"], atol=1e-4)


def test_the_same_weights_read_in_both_directions_before_and_causally_after() -> None:
    parts = parts_of()
    backbone, (pretraining, training) = parts.backbone.eval(), parts.trainings
    directions = [
        {request.mask for part in stage.objectives for request in next(part.objective.term(stage.samples.batch(torch.arange(4))))}
        for stage in (pretraining, training)
    ]
    assert directions == [{"bidirectional"}, {"causal"}]
    items = torch.tensor([[3, 1, 4, 15, 9, 2]])
    changed = torch.tensor([[3, 1, 4, 15, 9, 6]])
    lengths = torch.tensor([6])
    for mask, same in (("causal", True), ("bidirectional", False)):
        before, after = (backbone.encode(row, lengths, mask=mask, want="all") for row in (items, changed))  # type: ignore[arg-type]
        assert torch.equal(before[:, :-1], after[:, :-1]) is same


def test_objectives_of_the_stage_are_trained_in_it_alone() -> None:
    pretraining, training = parts_of().trainings
    names = {part.id: {name.partition(".")[0] for name, _ in part.objective.named_parameters()} for part in pretraining.objectives}  # type: ignore[attr-defined]
    assert names == {"attributes": {"attributes", "of_shown", "of_hidden"}, "items": {"projection"}, "segments": {"projection"}}
    assert not [name for part in training.objectives for name, _ in part.objective.named_parameters()]  # type: ignore[attr-defined]


def test_without_the_stage_it_is_sasrec(tmp_path: Path) -> None:
    path = tmp_path / "straight.toml"
    path.write_text(WITHOUT_STAGE)
    (straight,) = plan(str(path), seeds=[1]).runs
    (sasrec,) = plan("methods/sasrec", seeds=[1]).runs
    assert straight.digest == sasrec.digest


def test_a_stage_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(RecipeError, match="Every objective has weight 0"):
        plan("methods/s3rec", sets=[f"stage.pretrain.objective.{name}.weight=0.0" for name in OBJECTIVES])


def test_a_width_that_is_not_the_backbones_is_told() -> None:
    parts = parts_of("backbone.hidden_size=32")
    pretraining, _ = parts.trainings
    with pytest.raises(PluginError, match="hidden_size = 16, but the backbone's states are 32 wide"):
        training_loss(parts.backbone, pretraining.objectives, pretraining.samples.batch(torch.arange(4)))


def test_data_without_attributes_are_told_and_train_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = ItemAttributes((), np.zeros((31, 1), dtype=np.int64), np.zeros((31, 2), dtype=np.int64))
    monkeypatch.setattr("sracl.runs.assembly.item_attributes", lambda data: nothing)
    with pytest.raises(PluginError, match=r"stage\.pretrain\.objective\.attributes: .* no attributes to predict; weight = 0\.0"):
        parts_of()
    pretraining, _ = parts_of("stage.pretrain.objective.attributes.weight=0.0").trainings
    assert [part.id for part in pretraining.objectives] == ["items", "segments"]
