"""Training: resumed equals uninterrupted bit for bit, the best epoch is kept, nothing breaks a checkpoint."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sracl.engine import checkpoint
from sracl.engine.early_stopping import EarlyStopping
from sracl.engine.seeding import Streams
from sracl.engine.trainer import Outcome
from sracl.errors import BudgetError, DataError, ResourceError, SraclError
from sracl.interfaces import Batch, Request, Term
from tests.support.training import Kept, Learned, trainer


@pytest.mark.parametrize("stop_at", [(1, 3), (2, 1), (4, 6)])
def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: tuple[int, int]) -> None:
    whole = Kept()
    trainer(tmp_path / "whole", whole).fit()
    first, second = Kept(stop_at), Kept()
    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path / "parts", first).fit()
    trainer(tmp_path / "parts", second).fit()
    assert {**first.epochs, **second.epochs} == whole.epochs
    assert min(second.epochs) == stop_at[0]  # at most the interrupted epoch is trained again
    ours, theirs = (load_file(tmp_path / folder / "last.safetensors") for folder in ("parts", "whole"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


class Ended(BaseException):
    """Told to end."""


@pytest.mark.parametrize("at", [(1, 3), (2, 1), (3, 7), (4, 6)])
def test_told_to_end_it_goes_on_after_that_very_step(tmp_path: Path, at: tuple[int, int]) -> None:
    whole = Kept()
    trainer(tmp_path / "whole", whole).fit()
    first, second = Kept(wish_at=at), Kept()
    made = trainer(tmp_path / "parts", first)
    first.wish = lambda: setattr(made.wishes, "end", Ended())
    with pytest.raises(Ended):
        made.fit()
    assert first.checkpoints == [at]
    again = trainer(tmp_path / "parts", second)
    made_again = 0

    def counted(rows: Tensor) -> Any:
        nonlocal made_again
        made_again += 1
        return type(again).step(again, rows)

    again.step = counted  # type: ignore[method-assign]
    again.fit()
    assert made_again == 5 * 7 - (at[0] - 1) * 7 - at[1]  # no step is made twice
    assert {**first.epochs, **second.epochs} == whole.epochs
    ours, theirs = (load_file(tmp_path / folder / "last.safetensors") for folder in ("parts", "whole"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_told_to_end_while_its_last_epoch_is_validated_it_ends_there(tmp_path: Path) -> None:
    first, second, whole = Kept(), Kept(), Kept()
    made = trainer(tmp_path / "parts", first, epochs=2)
    validate = made.validate
    assert validate is not None

    def asked() -> Mapping[str, float]:
        if first.epochs:
            made.wishes.end = Ended()
        return validate()

    made.validate = asked
    with pytest.raises(Ended):
        made.fit()
    assert trainer(tmp_path / "parts", second, epochs=2).fit() == trainer(tmp_path / "whole", whole, epochs=2).fit()
    assert (first.epochs, second.epochs) == (whole.epochs, {})  # no epoch is trained twice


def test_a_checkpoint_that_is_asked_for_does_not_stop_training(tmp_path: Path) -> None:
    recorder = Kept(wish_at=(2, 4))
    made = trainer(tmp_path, recorder)

    def wish() -> None:
        made.wishes.checkpoint = True

    recorder.wish = wish
    made.fit()
    assert recorder.checkpoints == [(2, 4)]
    assert len(recorder.epochs) == 5
    assert not made.wishes.are_heeded


def test_what_looks_at_the_model_when_an_epoch_begins_goes_on_from_there(tmp_path: Path) -> None:
    first, second, whole = Kept(wish_at=(3, 2)), Kept(), Kept()
    trainer(tmp_path / "whole", whole).fit()
    made = trainer(tmp_path / "parts", first)
    made.hooks = [Looks()]
    first.wish = lambda: setattr(made.wishes, "end", Ended())
    with pytest.raises(Ended):
        made.fit()
    assert first.checkpoints == [(2, None)]
    trainer(tmp_path / "parts", second).fit()
    assert min(second.epochs) == 3
    assert {**first.epochs, **second.epochs} == whole.epochs


class Looks:
    """A hook that only looks."""

    def begin_epoch(self, snapshot: Any) -> None:
        pass


def test_stops_when_patience_runs_out_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    recorder = Kept()
    made = trainer(tmp_path, recorder, figures=[0.1, 0.3, 0.2, 0.3, 0.1], patience=2)
    assert made.fit() == Outcome(epochs=4, best_epoch=2, best=0.3, stopped_early=True)  # the tie at epoch 4 does not count
    _, facts = checkpoint.read(made.files.best)
    assert facts["epoch"] == 2
    assert made.fit().epochs == 4  # nothing is left to do


@pytest.mark.parametrize("dies_before", ["last.safetensors", "best.safetensors"])
def test_the_best_weights_are_of_the_epoch_that_is_kept_as_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_before: str
) -> None:
    """Where the epoch that was lost goes otherwise the second time, as on a GPU."""
    write = checkpoint.write
    first = Kept()
    made = trainer(tmp_path, first, figures=[0.1, 0.2, 0.5], epochs=3)

    def full(path: Path, tensors: Any, facts: Any) -> None:
        if len(first.epochs) == 3 and path.name == dies_before:
            raise BudgetError("no space left")
        write(path, tensors, facts)

    with monkeypatch.context() as patched, pytest.raises(BudgetError):
        patched.setattr(checkpoint, "write", full)
        made.fit()
    again = trainer(tmp_path, Kept(), figures=[0.15], epochs=3)
    outcome = again.fit()
    assert outcome.best_epoch == (2 if dies_before == "last.safetensors" else 3)
    whole = trainer(tmp_path / "whole", Kept(), figures=[0.1, 0.2, 0.5], epochs=outcome.best_epoch)
    whole.fit()
    weights = again.files.best_weights("cpu")
    assert all(torch.equal(weights[name], value) for name, value in whole.backbone.state_dict().items())


def test_best_weights_that_are_lost_are_told_with_a_way_out(tmp_path: Path) -> None:
    def made() -> Any:
        return trainer(tmp_path, Kept(), figures=[0.2, 0.1], epochs=2)

    made().fit()
    damaged = made()
    damaged.files.best.write_bytes(damaged.files.best.read_bytes()[:100])
    damaged.fit()
    with pytest.raises(DataError, match=r"best.safetensors, cannot be read .*Delete .*last.safetensors to train"):
        damaged.files.best_weights("cpu")
    checkpoint.write(damaged.files.best, damaged.backbone.state_dict(), {"epoch": 2, "key": "this run"})
    with pytest.raises(DataError, match="of another epoch than the best, 1"):
        damaged.files.best_weights("cpu")
    damaged.files.last.unlink()
    again = made()
    again.fit()
    assert again.files.best_weights("cpu")


def test_best_holds_the_backbone_alone(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept(), epochs=1)
    made.fit()
    weights, _ = checkpoint.read(made.files.best)
    assert weights.keys() == made.backbone.state_dict().keys()


def test_own_parameters_of_objectives_are_trained_and_resumed(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept(), epochs=2)
    made.fit()
    objective = made.objectives[1].objective
    assert isinstance(objective, Learned)
    assert not torch.equal(objective.scale, torch.ones(8))
    again = trainer(tmp_path, Kept(), epochs=2)
    again.fit()
    resumed = again.objectives[1].objective
    assert isinstance(resumed, Learned)
    assert torch.equal(resumed.scale, objective.scale)


def test_refuses_the_checkpoint_of_another_run_and_a_damaged_one(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept(), epochs=1)
    made.fit()
    other = trainer(tmp_path, Kept(), epochs=1)
    other.key = "another run"
    with pytest.raises(DataError, match="belongs to another run"):
        other.fit()
    made.files.last.write_bytes(made.files.last.read_bytes()[:100])
    with pytest.raises(DataError, match="no readable checkpoint"):
        trainer(tmp_path, Kept(), epochs=1).fit()


class Two(nn.Module):
    """An objective with two parameters, made in this order."""

    scale: nn.Parameter
    slope: nn.Parameter

    def __init__(self, *names: str) -> None:
        super().__init__()
        for name in names:
            setattr(self, name, nn.Parameter(torch.ones(8)))

    def term(self, batch: Batch) -> Term:
        encoded = yield [Request("own", batch.inputs, batch.lengths)]
        return (encoded["own"] * self.scale * self.slope).square().mean()


class Plain:
    """The objective without parameters, and perhaps with a stream."""

    def __init__(self, streams: Streams, *, draws: bool = False) -> None:
        if draws:
            streams.named("objective.own")

    def term(self, batch: Batch) -> Term:
        encoded = yield [Request("own", batch.inputs, batch.lengths)]
        return encoded["own"].square().mean()


@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        (lambda _: Learned(), lambda _: Two("scale", "slope"), "objective.own/slope is not in it"),
        (lambda _: Two("scale", "slope"), lambda _: Learned(), "objective.own/slope is in it and not here"),
        (lambda _: Learned(), Plain, "objective.own/scale is in it and not here"),
        (lambda _: Two("scale", "slope"), lambda _: Two("slope", "scale"), "in another order"),
        (Plain, lambda streams: Plain(streams, draws=True), "stream/named/objective.own is not in it"),
        (lambda streams: Plain(streams, draws=True), Plain, "stream/named/objective.own is in it and not here"),
    ],
    ids=["a parameter more", "a parameter fewer", "none", "in another order", "a stream more", "a stream fewer"],
)
def test_a_component_that_was_changed_under_the_same_version_is_told_and_nothing_is_lost(
    tmp_path: Path, then: Any, now: Any, told: str
) -> None:
    trainer(tmp_path, Kept(), epochs=2, own=then).fit()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(DataError, match=f"last.safetensors does not fit this run as it is built now: .*{told}"):
        trainer(tmp_path, Kept(), epochs=3, own=now).fit()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert trainer(tmp_path, Kept(), epochs=3, own=then).fit().epochs == 3


def test_a_run_begun_on_another_kind_of_device_says_so(tmp_path: Path) -> None:
    trainer(tmp_path, Kept(), epochs=1).fit()
    elsewhere = trainer(tmp_path, Kept(), epochs=2)
    elsewhere.streams.device = torch.device("cuda")
    with pytest.raises(ResourceError, match="begun on cpu .* --device cpu"):
        elsewhere.fit()


def test_weights_that_share_their_memory_are_kept_and_read_back(tmp_path: Path) -> None:
    items, scores = nn.Embedding(3, 2), nn.Linear(2, 3, bias=False)
    scores.weight = items.weight
    checkpoint.write(tmp_path / "best.safetensors", nn.Sequential(items, scores).state_dict(), {})
    weights, _ = checkpoint.read(tmp_path / "best.safetensors")
    assert torch.equal(weights["0.weight"], items.weight)
    assert torch.equal(weights["1.weight"], items.weight)


def test_says_which_term_diverged(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept())
    with torch.no_grad():
        made.backbone.item_embedding.weight[5] = float("inf")
    with pytest.raises(SraclError, match=r"the loss is nan at epoch 1, step \d+ of 7 \(next .*own"):
        made.fit()


def test_a_full_disk_leaves_the_previous_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainer(tmp_path, Kept(), epochs=1)
    made.fit()
    before = made.files.last.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BudgetError, match="no space left"):
        checkpoint.write(made.files.last, {"x": torch.ones(3)}, {})
    assert made.files.last.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors"]


def test_streams_are_independent_of_one_another() -> None:
    alone, beside = Streams(1, torch.device("cpu")), Streams(1, torch.device("cpu"))
    torch.rand(5, generator=beside.named("objective.cross"))
    draws = [torch.rand(3, generator=streams.named("samples")) for streams in (alone, beside)]
    assert torch.equal(*draws)
    assert not torch.equal(torch.rand(3, generator=alone.named("a")), torch.rand(3, generator=alone.named("b")))


def test_a_stage_that_is_not_validated_ends_with_its_last_epoch_in_files_of_its_name(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept(), epochs=3)
    made.validate, made.stopping, made.name = None, EarlyStopping("", None), "pretrain"
    assert made.fit() == Outcome(epochs=3, best_epoch=3, best=3.0, stopped_early=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pretrain.best.safetensors", "pretrain.last.safetensors"]
    weights, facts = checkpoint.read(made.files.best)
    assert facts["epoch"] == 3
    current: dict[str, Tensor] = made.backbone.state_dict()
    assert all(torch.equal(weights[name], current[name]) for name in current)
