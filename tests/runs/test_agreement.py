"""What does not go together in one recipe is refused before anything is trained, in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sracl.data.datasets import load
from sracl.data.splits import evaluation_prefixes, histories, training_prefixes
from sracl.engine.step import training_loss
from sracl.errors import PluginError
from sracl.recipes.plan import plan
from sracl.runs.agreement import demand_prediction, demand_training_only
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.recipes import sracl_recipe

Assembled = Callable[..., Parts]

PAIRWISE = 'objective.next={ use = "pairwise_ranking" }'
CLOZE = 'objective.next={ use = "cloze", loss = "cross_entropy" }'
VIEWS = """
[[objective]]
id = "views"
use = "view_contrast"
views = { use = "same_target", positive = "itself" }
loss = "nt_xent"
"""
LATENT = '[[objective]]\nid = "latent"\nuse = "relation_discovery"\n'
BESIDE = '[[objective]]\nid = "fill"\nuse = "cloze"\nloss = "cross_entropy"\n'
STAGE = """
[[stage]]
id = "pretrain"
samples = "window"
[[stage.objective]]
id = "fill"
use = "cloze"
loss = "cross_entropy"
[[stage.objective]]
id = "views"
use = "view_contrast"
views = { use = "same_target", positive = "itself" }
loss = "nt_xent"
[stage.train]
batch_size = 32
epochs = 1
"""


@pytest.fixture
def assembled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assembled:
    """The parts of a recipe of next items alone, with more in it."""
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))

    def assembled(*sets: str, extra: str = "") -> Parts:
        chosen = ["objective.cross.weight=0", "objective.intra.weight=0", *sets]
        (run,) = plan(str(sracl_recipe(tmp_path, extra=extra)), sets=chosen).runs
        return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))

    return assembled


@pytest.mark.parametrize("sampler", ["window", "history_prefix"])
@pytest.mark.parametrize("objective", ["objective.next.weight=1", PAIRWISE], ids=["next_item", "pairwise_ranking"])
def test_next_items_are_not_learned_from_samples_without_targets(assembled: Assembled, sampler: str, objective: str) -> None:
    with pytest.raises(
        PluginError, match=f"objective.next: .* does not go with the samples of '{sampler}': .* these have none. Use samples"
    ):
        assembled(f"samples={sampler}", objective)


def test_no_sample_without_a_target_shares_one(assembled: Assembled) -> None:
    with pytest.raises(PluginError, match="objective.views.views: .* no sample has a target that others could share"):
        assembled("samples=window", CLOZE, "backbone=bert4rec", "objective.views.views.positive=same_target", extra=VIEWS)
    told = ["stage.pretrain.objective.views.false_negatives=same_target"]
    with pytest.raises(PluginError, match="stage.pretrain.objective.views: view_contrast does not go with the samples of 'window'"):
        assembled(*told, extra=STAGE)


def test_one_target_a_row_is_not_taken_from_every_position(assembled: Assembled) -> None:
    with pytest.raises(PluginError, match="objective.next: pairwise_ranking .* 'user': it takes one target a sequence"):
        assembled("samples=user", PAIRWISE)
    with pytest.raises(PluginError, match="objective.latent: relation_discovery .* 'user': it takes one target a sequence"):
        assembled("samples=user", extra=LATENT)
    told = "objective.views.false_negatives=same_target"
    assert assembled("samples=user", told, extra=VIEWS).samples.each_position  # next items everywhere, labels of the last


def test_every_position_does_not_predict_what_it_sees(assembled: Assembled) -> None:
    with pytest.raises(PluginError, match="objective.next: next_item .* 'user': .* which the backbone BSARec lets it see"):
        assembled("samples=user", "backbone=bsarec")
    assert not assembled("backbone=bsarec").samples.each_position


def test_what_is_asked_in_ranking_is_what_was_trained(assembled: Assembled) -> None:
    parts = assembled(CLOZE, "samples=window", "backbone=bert4rec")
    assert parts.backbone.predicts == "mask"
    with pytest.raises(PluginError, match="objective.next: Items are ranked by the state of the latest item .* SASRec, .* Use next_item"):
        demand_prediction(assembled().backbone, parts.objectives)
    with pytest.raises(PluginError, match="objective.next: Items are ranked by a MASK behind the history with .* BERT4Rec, .* Use cloze"):
        demand_prediction(parts.backbone, assembled().objectives)


def test_filling_in_goes_before_and_beside_next_items(assembled: Assembled) -> None:
    assert [len(training.objectives) for training in assembled(extra=STAGE).trainings] == [2, 1]
    assert len(assembled(extra=BESIDE).objectives) == 2


def test_a_contrast_gets_no_states_of_lrd(assembled: Assembled) -> None:
    parts, contrast = assembled("backbone=lrd", PAIRWISE), assembled(extra=VIEWS).objectives[1:]
    batch = parts.samples.batch(torch.arange(4))
    with pytest.raises(PluginError, match="objective 'views' compares states, and the backbone LRD has none"):
        training_loss(parts.backbone, [*parts.objectives, *contrast], batch)
    loss, _ = training_loss(parts.backbone, parts.objectives, batch)
    assert loss.isfinite()


def test_samples_that_reach_beyond_what_trains_are_refused() -> None:
    demo = load("demo")
    demand_training_only(demo, training_prefixes(demo, 20), "samples")
    demand_training_only(demo, histories(demo), "samples")  # x_1 … x_(n-2), which predict nothing
    for rows, beyond in ((evaluation_prefixes(demo, "valid", 20), 1), (evaluation_prefixes(demo, "test", 20), 2)):
        with pytest.raises(
            PluginError, match=rf"samples: 600 of 600 samples .* up to {beyond} beyond the last training interaction of user"
        ):
            demand_training_only(demo, rows, "samples")
