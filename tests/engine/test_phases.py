"""Several updates a step: who is trained by which, with which weights, and that a resumed run is none the wiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sracl.backbones.sasrec import SASRec
from sracl.engine.phases import Phase, alternating, joint, parameters
from sracl.engine.step import Weighted
from sracl.errors import PluginError
from sracl.interfaces import Batch, SequenceSpec, Term
from sracl.losses.cross_entropy import cross_entropy
from sracl.objectives.next_item import NextItem
from tests.support.training import Kept, Learned, trainer

Settings = list[dict[str, Any]]

APART: Settings = [
    {"id": "encoder", "update": ["backbone"], "weights": {"own": 0.0}},
    {"id": "learn", "update": ["own"], "weights": {"next": 0.0, "own": 2.0}},
]


def backbone() -> SASRec:
    torch.manual_seed(0)
    return SASRec(SequenceSpec(20, 6), hidden_size=8, inner_size=16)


def objectives() -> list[Weighted]:
    return [Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("own", 0.1, Learned())]


def in_phases(settings: Settings, optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.Adam) -> Any:
    return lambda encoder, parts: alternating(settings, encoder, parts, optimizer)


def weights_of(phase: Phase) -> dict[str, float]:
    return {part.id: part.weight for part in phase.objectives}


def flat(module: nn.Module) -> Tensor:
    """All weights of a module end to end."""
    return torch.cat([parameter.detach().flatten().clone() for parameter in module.parameters()])


def test_without_phases_everything_is_trained_by_one() -> None:
    encoder, parts = backbone(), objectives()
    (phase,) = joint(encoder, parts, torch.optim.Adam)
    own = parts[1].objective
    assert isinstance(own, Learned)
    assert [id(parameter) for parameter in phase.parameters()] == [*map(id, encoder.parameters()), id(own.scale)]
    assert [id(parameter) for parameter in parameters(encoder, parts)] == [id(parameter) for parameter in phase.parameters()]
    assert weights_of(phase) == {"next": 1.0, "own": 0.1}


def test_a_phase_has_its_weights_and_those_of_the_objectives_elsewhere() -> None:
    settings = [{"id": "a", "update": ["backbone"], "weights": {"own": 3.0}}, {"id": "b", "update": ["own"], "weights": {"next": 0.0}}]
    first, second = alternating(settings, backbone(), objectives(), torch.optim.Adam)
    assert weights_of(first) == {"next": 1.0, "own": 3.0}
    assert weights_of(second) == {"own": 0.1}  # weight 0 leaves an objective out


def test_a_phase_trains_what_it_names() -> None:
    encoder, parts = backbone(), objectives()
    first, second, third = alternating(
        [
            {"id": str(number), "update": update, "weights": {}}
            for number, update in enumerate((["backbone"], ["own"], ["own", "backbone"]))
        ],
        encoder,
        parts,
        torch.optim.Adam,
    )
    own = parts[1].objective
    assert isinstance(own, Learned)
    assert [id(parameter) for parameter in first.parameters()] == [*map(id, encoder.parameters())]
    assert [id(parameter) for parameter in second.parameters()] == [id(own.scale)]
    assert [id(parameter) for parameter in third.parameters()] == [*map(id, encoder.parameters()), id(own.scale)]


def test_phases_that_train_the_same_share_an_optimizer() -> None:
    settings = [
        {"id": str(number), "update": update, "weights": {}}
        for number, update in enumerate((["own", "backbone"], ["own"], ["backbone", "own"]))
    ]
    first, second, third = alternating(settings, backbone(), objectives(), torch.optim.Adam)
    assert first.optimizer is third.optimizer
    assert first.optimizer is not second.optimizer


def test_a_phase_without_anything_to_train_is_refused() -> None:
    with pytest.raises(PluginError, match="the phase 'learn' updates next, where nothing can be trained"):
        alternating([{"id": "learn", "update": ["next"], "weights": {}}], backbone(), objectives(), torch.optim.Adam)


def test_what_a_phase_does_not_train_stays_as_it_is_bit_for_bit(tmp_path: Path) -> None:
    seen: list[tuple[int, Tensor, Tensor]] = []

    class Told(torch.optim.Adam):
        """Tells after every update how many parameters it was of, and what it left."""

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            super().step(closure)
            seen.append((len(self.param_groups[0]["params"]), flat(made.backbone), flat(own)))

    own = Learned()
    made = trainer(tmp_path, Kept(), epochs=1, own=lambda streams: own, phases=in_phases(APART, Told))
    before = flat(made.backbone), flat(own)
    made.fit()
    assert [count for count, *_ in seen] == [len(list(made.backbone.parameters())), 1] * 7  # in turn, seven steps
    for count, encoder, scale in seen:
        assert torch.equal(encoder, before[0]) == (count == 1)
        assert torch.equal(scale, before[1]) == (count > 1)
        before = encoder, scale
    assert all(parameter.requires_grad for parameter in (*made.backbone.parameters(), own.scale))


@pytest.mark.parametrize(("update", "left"), [("backbone", "own"), ("own", "backbone")])
def test_what_no_phase_trains_is_refused(update: str, left: str) -> None:
    with pytest.raises(PluginError, match=f"no phase trains {left}, which would stay as drawn. Name it .* there are: only."):
        alternating([{"id": "only", "update": [update], "weights": {}}], backbone(), objectives(), torch.optim.Adam)


def test_a_phase_whose_loss_has_no_use_for_what_it_trains_is_refused(tmp_path: Path) -> None:
    settings = [APART[0], {"id": "learn", "update": ["own"], "weights": {"own": 0.0}}]
    with pytest.raises(PluginError, match="train.phase.learn: nothing that is trained has a part in the loss of next"):
        trainer(tmp_path, Kept(), epochs=1, phases=in_phases(settings)).fit()


def test_what_was_never_to_be_trained_is_not_opened(tmp_path: Path) -> None:
    class Half(Learned):
        def __init__(self) -> None:
            super().__init__()
            self.fixed = nn.Parameter(torch.ones(8), requires_grad=False)

    made = trainer(tmp_path, Kept(), epochs=1, own=lambda streams: Half(), phases=in_phases(APART))
    made.fit()
    own = made.objectives[1].objective
    assert isinstance(own, Half)
    assert not own.fixed.requires_grad
    assert torch.equal(own.fixed, torch.ones(8))


def test_one_phase_of_everything_is_training_without_phases(tmp_path: Path) -> None:
    kept = Kept(), Kept()
    trainer(tmp_path / "phase", kept[0], phases=in_phases([{"id": "all", "update": ["own", "backbone"], "weights": {}}])).fit()
    trainer(tmp_path / "joint", kept[1]).fit()
    assert kept[0].epochs == kept[1].epochs


class Asked:
    """An objective that counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0
        self.inner = NextItem(loss=cross_entropy)

    def term(self, batch: Batch) -> Term:
        self.times += 1
        return self.inner.term(batch)


def test_an_objective_of_weight_zero_is_not_asked_in_that_phase(tmp_path: Path) -> None:
    asked = Asked()

    def once_in_three(encoder: SASRec, parts: Sequence[Weighted]) -> list[Phase]:
        settings = [
            {"id": str(number), "update": ["backbone"], "weights": {"own": weight}} for number, weight in enumerate((0.0, 1.0, 0.0))
        ]
        return alternating(settings, encoder, parts, torch.optim.Adam)

    recorder = Kept()
    trainer(tmp_path, recorder, epochs=2, own=lambda streams: asked, phases=once_in_three).fit()
    assert asked.times == 2 * 7
    assert set(recorder.epochs[1]) == {"loss", "loss.next", "loss.own", "valid.mrr@10"}


def test_told_are_the_loss_of_the_first_phase_and_every_term_as_first_computed(tmp_path: Path) -> None:
    recorder = Kept()
    settings = [*APART, {"id": "again", "update": ["backbone"], "weights": {"next": 5.0}}]
    trainer(tmp_path, recorder, epochs=1, phases=in_phases(settings)).fit()
    told = recorder.epochs[1]
    assert told["loss"] == told["loss.next"]  # weight 1, and `own` takes no part in the first
    first = Kept()
    trainer(tmp_path / "first", first, epochs=1, phases=in_phases(APART)).fit()
    assert told["loss.next"] != first.epochs[1]["loss.next"]  # the later phases did train


def test_what_a_step_tells_was_computed_before_its_updates(tmp_path: Path) -> None:
    class Steps(Kept):
        """Remembers the loss of every step."""

        def __init__(self) -> None:
            super().__init__()
            self.losses: list[float] = []

        def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
            self.losses.append(loss)

    alone, before_others = Steps(), Steps()
    trainer(tmp_path / "alone", alone, epochs=1, phases=in_phases(APART)).fit()
    settings = [*APART, {"id": "again", "update": ["backbone"], "weights": {"next": 5.0}}]
    trainer(tmp_path / "others", before_others, epochs=1, phases=in_phases(settings)).fit()
    assert before_others.losses[0] == alone.losses[0]
    assert before_others.losses[1] != alone.losses[1]


@pytest.mark.parametrize("stop_at", [(1, 3), (2, 1), (4, 6)])
def test_phases_resumed_equal_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: tuple[int, int]) -> None:
    settings = [
        *APART,
        {"id": "both", "update": ["backbone", "own"], "weights": {}},
        {"id": "again", "update": ["backbone"], "weights": {}},
    ]

    def fit(folder: str, recorder: Kept) -> None:
        trainer(tmp_path / folder, recorder, phases=in_phases(settings)).fit()

    whole, first, second = Kept(), Kept(stop_at), Kept()
    fit("whole", whole)
    with pytest.raises(KeyboardInterrupt):
        fit("parts", first)
    fit("parts", second)
    assert {**first.epochs, **second.epochs} == whole.epochs
    ours, theirs = (load_file(tmp_path / folder / "last.safetensors") for folder in ("parts", "whole"))
    assert ours.keys() == theirs.keys()
    assert {name.split("/")[1] for name in ours if name.startswith("optimizer/")} == {"0", "1", "2"}  # the fourth phase shares the first's
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
