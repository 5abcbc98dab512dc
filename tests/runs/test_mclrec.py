"""MCLRec from its recipe: three updates a step, each of its own parameters, from one call of the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sracl.engine.phases import Phase
from sracl.engine.trainer import Trainer
from sracl.errors import PluginError
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.training import Kept, trainer_of

TINY = [
    "data.name=markov",
    "data.num_items=30",
    "data.num_users=24",
    "data.length=7",
    "data.max_length=6",
    "backbone.hidden_size=16",
    "backbone.inner_size=16",
    "objective.meta.hidden_size=16",
    "objective.meta.inner_sizes=[8, 4]",
    "train.batch_size=32",
]
JOINT = """
recipe = 1
extends = "methods/mclrec"
name = "joint"
unset = ["train.phase"]
"""


def parts_of(*sets: str, recipe: str = "methods/mclrec") -> Parts:
    chosen = {text.partition("=")[0]: text for text in (*TINY, *sets)}  # the last of a path
    (run,) = plan(recipe, sets=list(chosen.values()), seeds=[1]).runs
    return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))


def trainer(parts: Parts, folder: Path, recorder: Kept | None = None, *, epochs: int = 1) -> tuple[Trainer, list[Phase]]:
    phases = parts.trainings[-1].phases(parts.backbone)
    return trainer_of(parts, folder, recorder, epochs=epochs, phases=phases), phases


def objective(parts: Parts, name: str) -> nn.Module:
    (found,) = (part.objective for part in parts.objectives if part.id == name)
    assert isinstance(found, nn.Module)
    return found


def weights(module: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in module.parameters()]


def differ(before: list[Tensor], after: list[Tensor]) -> list[bool]:
    return [not torch.equal(one, other) for one, other in zip(before, after, strict=True)]


@dataclass
class Encoding:
    """One call of the encoder."""

    items: Tensor
    lengths: Tensor
    has_graph: bool


def watch(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> list[Encoding]:
    """Every call of the encoder from now on."""
    calls: list[Encoding] = []
    encode = parts.backbone.encode

    def watched(items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        states = encode(items, lengths, **how)
        calls.append(Encoding(items, lengths, states.requires_grad))
        return states

    monkeypatch.setattr(parts.backbone, "encode", watched)
    return calls


def test_each_update_changes_its_own_parameters_and_no_bit_of_the_others(tmp_path: Path) -> None:
    parts = parts_of()
    meta = objective(parts, "meta")
    made, phases = trainer(parts, tmp_path)
    seen = [(weights(parts.backbone), weights(meta))]
    for optimizer in {id(phase.optimizer): phase.optimizer for phase in phases}.values():
        optimizer.register_step_post_hook(lambda *_: seen.append((weights(parts.backbone), weights(meta))))
    made.fit()

    assert len(seen) == 1 + 3 * -(-len(parts.samples) // 32)
    for number, ((encoder, augmenters), (encoder_after, augmenters_after)) in enumerate(zip(seen, seen[1:], strict=False)):
        if number % 3 == 1:
            assert not any(differ(encoder, encoder_after))
            assert all(differ(augmenters, augmenters_after))
        else:
            assert any(differ(encoder, encoder_after))
            assert not any(differ(augmenters, augmenters_after))
    assert all(parameter.requires_grad for module in (parts.backbone, meta) for parameter in module.parameters())


def test_each_update_encodes_once_and_that_of_the_augmenters_builds_no_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = parts_of()
    calls = watch(parts, monkeypatch)
    trainer(parts, tmp_path)[0].fit()

    steps = -(-len(parts.samples) // 32)
    assert len(calls) == 3 * steps
    for first, second, third in zip(*(calls[start::3] for start in range(3)), strict=True):
        rows = len(first.items) // 3
        # the batch and both views; the augmenters' update has no use for the batch: 8 sequences a sample
        assert [len(call.items) for call in (first, second, third)] == [3 * rows, 2 * rows, 3 * rows]
        assert [call.has_graph for call in (first, second, third)] == [True, False, True]
        # the views are drawn once for all three updates
        assert torch.equal(first.items, third.items)
        assert torch.equal(first.items[rows:, -second.items.shape[1] :], second.items)
        assert torch.equal(first.lengths[rows:], second.lengths)
        # both views of a single item are that item
        batch, *views = first.items.split(rows)
        single = first.lengths[:rows] == 1
        assert bool(single.any())
        assert all(torch.equal(view[single], batch[single]) for view in views)


def test_weights_and_optimizers_of_the_updates_are_those_of_the_method() -> None:
    parts = parts_of("objective.views.weight=0.04", "objective.meta.weight=0.4")
    encoder, augmenters, again = parts.trainings[0].phases(parts.backbone)

    def weighed(phase: Phase) -> dict[str, float]:
        return {part.id: part.weight for part in phase.objectives}

    assert weighed(encoder) == weighed(again) == {"next": 1.0, "views": 0.04, "meta": 0.4}
    assert weighed(augmenters) == {"meta": 1.0}
    assert encoder.optimizer is again.optimizer
    assert set(encoder.parameters()) == set(parts.backbone.parameters())
    assert set(augmenters.parameters()) == set(objective(parts, "meta").parameters())


def test_augmenters_begin_as_torch_draws_linear_layers() -> None:
    parts = parts_of("backbone.hidden_size=64", "objective.meta.hidden_size=64", "objective.meta.inner_sizes=[32, 16]")
    first = next(part for part in objective(parts, "meta").modules() if isinstance(part, nn.Linear))
    # uniform over ±64^-½: standard deviation .0722, where the backbone's weights have .02
    assert first.weight.std().item() == pytest.approx(0.0722, rel=0.05)
    assert bool(first.bias.any())


@pytest.mark.parametrize("stop_at", [(1, 2), (2, 1)])
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: tuple[int, int]) -> None:
    trainer(parts_of(), tmp_path / "whole", epochs=2)[0].fit()
    with pytest.raises(KeyboardInterrupt):
        trainer(parts_of(), tmp_path / "parts", Kept(stop_at), epochs=2)[0].fit()
    trainer(parts_of(), tmp_path / "parts", epochs=2)[0].fit()
    ours, theirs = (load_file(tmp_path / folder / "last.safetensors") for folder in ("parts", "whole"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)

    parts = parts_of()
    for number, module in enumerate((parts.backbone, objective(parts, "meta"))):  # an optimizer each, with both moments of everything
        kept = [name for name in ours if name.startswith(f"optimizer/{number}/") and name.endswith("exp_avg_sq")]
        assert len(kept) == len(list(module.parameters()))
    steps = -(-len(parts.samples) // 32)
    assert ours["optimizer/0/0/step"].item() == 2 * 2 * steps  # of two epochs, twice a step
    assert ours["optimizer/1/0/step"].item() == 2 * steps


def test_without_the_plain_contrast_as_on_beauty_the_augmenters_still_learn(tmp_path: Path) -> None:
    parts = parts_of("objective.views.weight=0")
    assert [part.id for part in parts.objectives] == ["next", "meta"]
    before = weights(objective(parts, "meta"))
    trainer(parts, tmp_path)[0].fit()
    assert all(differ(before, weights(objective(parts, "meta"))))


def test_without_phases_one_update_trains_everything(tmp_path: Path) -> None:
    recipe = tmp_path / "joint.toml"
    recipe.write_text(JOINT)
    parts = parts_of(recipe=str(recipe))
    (phase,) = parts.trainings[0].phases(parts.backbone)
    everything = [*parts.backbone.parameters(), *objective(parts, "meta").parameters()]
    assert set(phase.parameters()) == set(everything)
    assert {part.id: part.weight for part in phase.objectives} == {"next": 1.0, "views": 0.03, "meta": 0.1}

    none = ["objective.views.weight=0.0", "objective.meta.weight=0.0"]
    (without,) = plan(str(recipe), sets=none, seeds=[1]).runs
    (sasrec,) = plan("methods/sasrec", seeds=[1]).runs
    assert without.digest == sasrec.digest


def test_without_both_contrasts_it_is_sasrec() -> None:
    (without,) = plan("methods/mclrec", sets=["objective.views.weight=0", "objective.meta.weight=0"], seeds=[1]).runs
    (sasrec,) = plan("methods/sasrec", seeds=[1]).runs
    assert without.digest == sasrec.digest


def test_a_backbone_of_another_width_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="hidden_size = 16, but the backbone's states are 8 wide"):
        trainer(parts_of("backbone.hidden_size=8"), tmp_path)[0].fit()
