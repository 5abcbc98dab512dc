"""What a run's components are given, and what they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sracl.data.splits import histories
from sracl.engine.step import training_loss
from sracl.errors import PluginError
from sracl.interfaces import BATCH
from sracl.objectives.view_contrast import ViewContrast
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.components import Curious, Watchful, WatchfulViews
from tests.support.recipes import sracl_recipe

PLAIN = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]

Assembled = Callable[..., Parts]


@pytest.fixture
def assembled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assembled:
    """The parts of SRA-CL on a Markov source with more in its recipe."""
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))

    def assembled(extra: str, sets: Sequence[str] = PLAIN) -> Parts:
        (run,) = plan(str(sracl_recipe(tmp_path, extra=extra)), sets=sets).runs
        return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))

    return assembled


SHARED = """
[[view]]
id = "pair"
use = "independent"
augmenter = { use = "crop", keep = 0.5 }

[[objective]]
id = "one"
use = "view_contrast"
views = "view.pair"
loss = "nt_xent"

[[objective]]
id = "other"
use = "view_contrast"
views = "view.pair"
readout = "mean"
loss = "info_nce"

[[objective]]
id = "own"
use = "view_contrast"
views = { use = "independent", augmenter = { use = "crop", keep = 0.5 } }
loss = "nt_xent"
"""


def test_a_declared_view_is_drawn_once_a_step_and_encoded_once(assembled: Assembled) -> None:
    parts = assembled(SHARED)
    pairs = [part.objective.views for part in parts.objectives if isinstance(part.objective, ViewContrast)]
    assert pairs[0] is pairs[1]
    batch, other = (parts.samples.batch(torch.arange(start, start + 8)) for start in (0, 8))
    once, again = pairs[0](batch), pairs[1](batch)
    assert [request.key for request in once] == ["view.pair.first", "view.pair.second"]
    assert all(one is two for one, two in zip(once, again, strict=True))
    assert not torch.equal(pairs[0](other)[0].items, once[0].items)
    assert [request.key for request in pairs[2](batch)] == ["first", "second"]
    encoded: list[int] = []
    encode = parts.backbone.encode

    def counting(items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        encoded.append(len(items))
        return encode(items, lengths, **how)

    parts.backbone.encode = counting  # type: ignore[method-assign]
    training_loss(parts.backbone, parts.objectives, batch)
    assert encoded == [8 * (1 + 2 + 2)]  # the batch, the declared pair, and the pair of the third objective


def test_a_shared_pass_stays_that_of_the_batch(assembled: Assembled) -> None:
    parts = assembled(
        SHARED.replace('use = "independent"\naugmenter = { use = "crop", keep = 0.5 }', 'use = "same_target"\nshare_anchor = true')
    )
    contrast = parts.objectives[1].objective
    assert isinstance(contrast, ViewContrast)
    assert [request.key for request in contrast.views(parts.samples.batch(torch.arange(4)))] == [BATCH, "view.pair.second"]


def test_a_declared_view_draws_the_same_in_every_run_of_a_seed(assembled: Assembled) -> None:
    drawn = []
    for _ in range(2):
        parts = assembled(SHARED)
        contrast = parts.objectives[1].objective
        assert isinstance(contrast, ViewContrast)
        drawn.append([request.items for request in contrast.views(parts.samples.batch(torch.arange(16)))])
    assert all(torch.equal(one, other) for one, other in zip(*drawn, strict=True))
    assert not torch.equal(*drawn[0])


STAGED = """
[[view]]
id = "pair"
use = "tests.support.components:WatchfulViews"

[[stage]]
id = "pretrain"
samples = "user"
[[stage.objective]]
id = "watch"
use = "tests.support.components:Watchful"
views = "view.pair"
[[stage.objective]]
id = "watch_too"
use = "tests.support.components:Watchful"
views = "view.pair"
[stage.train]
batch_size = 32
epochs = 2

[[objective]]
id = "watch"
use = "tests.support.components:Watchful"
views = "view.pair"
"""


def test_every_stage_has_parts_of_its_own_on_one_backbone(assembled: Assembled) -> None:
    parts = assembled(STAGED)
    first, last = parts.trainings
    assert (first.id, last.id) == ("pretrain", "")
    assert [part.id for part in first.objectives] == ["watch", "watch_too"]
    assert [part.id for part in last.objectives] == ["next", "watch"]
    assert (parts.samples, parts.sampler, parts.objectives) == (last.samples, last.sampler, last.objectives)
    # 120 users of 10: a row each in the stage; a row for each of 7 prefixes after it
    assert (len(first.samples), first.samples.each_position) == (120, True)
    assert (len(last.samples), last.samples.each_position) == (840, False)
    assert first.settings["epochs"] == 2
    trained = [{id(parameter) for phase in stage.phases(parts.backbone) for parameter in phase.parameters()} for stage in parts.trainings]
    shared = {id(parameter) for parameter in parts.backbone.parameters()}
    assert trained[0] & trained[1] == shared
    assert len(trained[0] - shared) == 2
    assert len(trained[1] - shared) == 1


def test_every_component_that_looks_at_the_model_is_called_in_its_stage_once(assembled: Assembled) -> None:
    parts = assembled(STAGED)
    names = [[type(hook).__name__ for hook in stage.hooks] for stage in parts.trainings]
    assert names == [["WatchfulViews", "Watchful", "Watchful"], ["WatchfulViews", "Watchful"]]
    assert parts.trainings[0].hooks[0] is not parts.trainings[1].hooks[0]
    objective = parts.objectives[1].objective
    assert isinstance(objective, Watchful)
    assert objective is parts.trainings[1].hooks[1]
    views = parts.trainings[1].hooks[0]
    assert isinstance(views, WatchfulViews)
    objective.views(parts.samples.batch(torch.arange(4)))
    assert views.calls == 1


def test_a_run_gives_histories_attributes_vectors_and_neighbours(assembled: Assembled) -> None:
    parts = assembled('[[objective]]\nid = "curious"\nuse = "tests.support.components:Curious"\n')
    given = parts.objectives[1].objective
    assert isinstance(given, Curious)
    assert given.samples is parts.samples
    expected = histories(parts.data)
    items, lengths = given.histories.gather(torch.arange(parts.data.num_users))
    assert lengths.tolist() == [8] * 120  # of ten interactions, all but the last two
    assert torch.equal(items, torch.from_numpy(np.stack([parts.data.sequence(user)[:8] for user in range(120)])))
    assert given.histories.stops.tolist() == expected.stops.tolist()
    assert given.attributes.sets.shape[0] == parts.data.num_items + 1
    assert (given.vectors.shape[0], given.vectors.dtype) == (parts.data.num_items + 1, torch.float32)
    assert not given.vectors[0].any()
    assert bool(given.vectors[1:].any())
    assert given.neighbours.shape == (parts.data.num_items + 1, 5)
    # the first neighbour of an item is the one whose vector is nearest
    unit = torch.nn.functional.normalize(given.vectors[1:], dim=1)
    nearest = (unit @ unit.T - 2 * torch.eye(len(unit))).max(dim=1).values
    known = given.neighbours[1:, 0] > 0
    cosines = (unit * torch.nn.functional.normalize(given.vectors, dim=1)[given.neighbours[1:, 0]]).sum(1)
    torch.testing.assert_close(cosines[known], nearest[known], atol=1e-5, rtol=0)


def test_neighbours_of_sequences_belong_to_prefixes(assembled: Assembled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Workshop, "neighbours")  # which would write texts first
    with pytest.raises(PluginError, match='840 sequences have neighbours, but there are 120 samples; they take samples = "prefix"'):
        assembled("", ["samples=user"])


def test_as_many_samples_that_are_no_prefixes_in_order_have_no_neighbours(assembled: Assembled) -> None:
    with pytest.raises(PluginError, match='the samples are others, if as many; they take samples = "prefix"'):
        assembled("", ["samples=tests.support.components:Backwards"])


def test_a_declared_view_with_parameters_is_refused(assembled: Assembled) -> None:
    declared = SHARED.replace(
        'use = "independent"\naugmenter = { use = "crop", keep = 0.5 }', 'use = "tests.support.components:LearnedViews"'
    )
    with pytest.raises(PluginError, match=r"view.pair: LearnedViews has parameters, .* Write its table into the objective instead"):
        assembled(declared)


def test_a_module_that_is_no_backbone_is_refused(assembled: Assembled) -> None:
    with pytest.raises(PluginError, match="backbone 'tests.support.components:Bare': Bare has no has_states, keeps_causal, .* but encode"):
        assembled("", sets=[*PLAIN, 'backbone={use="tests.support.components:Bare"}'])


def test_encoders_within_others_are_on_the_runs_device_too() -> None:
    shop = Workshop(torch.device("cpu"), report=lambda line: None)
    within = {"use": "somewhere", "device": "auto", "precision": "auto"}
    placed = shop._placed({"use": "shuffled", "encoder": within, "seed": 0})
    assert placed == {"use": "shuffled", "encoder": {**within, "device": "cpu"}, "seed": 0}
    assert shop._placed({"device": "cuda"}) == {"device": "cuda"}  # what a recipe says stands
