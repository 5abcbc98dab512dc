"""Components that look at the model before every epoch: what they see, and that a resumed run is none the wiser."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from sracl.engine.seeding import Streams
from sracl.errors import PluginError
from sracl.interfaces import BATCH, Batch, Request, Snapshot, Term
from tests.support.training import Kept, Learned, trainer


class Anchored(nn.Module):
    """A hook: pulls the states of each sample to what they were when the epoch began, and to a point drawn then."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self.generator = streams.named("objective.own")
        self.snapshots: list[Snapshot] = []
        self.modes: list[tuple[bool, bool]] = []
        self.before = torch.empty(0)

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Look at all samples."""
        self.snapshots.append(snapshot)
        self.modes.append((self.training, torch.is_grad_enabled()))
        point = torch.rand(8, generator=self.generator)
        self.before = snapshot.encode(torch.arange(100), "last") + snapshot.item_table[1:].mean(0) + point

    def term(self, batch: Batch) -> Term:
        assert self.training
        encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
        return (encoded[BATCH] - self.before[batch.samples]).square().mean()


def test_hooks_are_called_before_every_epoch(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept(), epochs=3, own=Anchored)
    made.fit()
    hook = made.objectives[1].objective
    assert isinstance(hook, Anchored)
    # a hundred samples are seven steps of sixteen or fewer
    assert [(snapshot.epoch, snapshot.steps) for snapshot in hook.snapshots] == [(1, 0), (2, 7), (3, 14)]
    assert hook.modes == [(False, False)] * 3


def test_a_hook_sees_the_model_as_it_stands_without_dropout(tmp_path: Path) -> None:
    class Looks(Anchored):
        def begin_epoch(self, snapshot: Snapshot) -> None:
            super().begin_epoch(snapshot)
            rows = torch.tensor([99, 3, 3])
            last, again = (snapshot.encode(rows, "last") for _ in range(2))
            every = snapshot.encode(rows, "all")
            assert torch.equal(last, again)
            assert torch.equal(last[1], last[2])
            assert (every.shape, last.requires_grad, every.requires_grad) == ((3, 6, 8), False, False)
            torch.testing.assert_close(every[:, -1], last, atol=1e-5, rtol=0)
            torch.testing.assert_close(last, made.backbone.encode(*made.samples.gather(rows)), atol=1e-5, rtol=0)
            assert torch.equal(snapshot.item_table, made.backbone.item_table())

    made = trainer(tmp_path, Kept(), epochs=2, own=Looks)
    made.fit()
    hook = made.objectives[1].objective
    assert isinstance(hook, Looks)
    first, second = (snapshot.item_table for snapshot in hook.snapshots)
    assert not torch.equal(first, second)  # a copy each, which training does not reach
    assert not first.requires_grad


def test_a_hook_gets_no_states_of_a_backbone_that_has_none(tmp_path: Path) -> None:
    made = trainer(tmp_path, Kept(), epochs=1, own=Anchored)
    made.backbone.has_states = False
    with pytest.raises(PluginError, match="objective 'own' compares states, and the backbone SASRec has none"):
        made.fit()


@pytest.mark.parametrize("stop_at", [(1, 3), (2, 1), (4, 6)])
def test_hooks_resumed_equal_uninterrupted_bit_for_bit(tmp_path: Path, stop_at: tuple[int, int]) -> None:
    whole, first, second = Kept(), Kept(stop_at), Kept()
    trainer(tmp_path / "whole", whole, own=Anchored).fit()
    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path / "parts", first, own=Anchored).fit()
    resumed = trainer(tmp_path / "parts", second, own=Anchored)
    resumed.fit()
    assert {**first.epochs, **second.epochs} == whole.epochs
    hook = resumed.objectives[1].objective
    assert isinstance(hook, Anchored)
    assert [snapshot.epoch for snapshot in hook.snapshots] == list(range(stop_at[0], 6))
    ours, theirs = (load_file(tmp_path / folder / "last.safetensors") for folder in ("parts", "whole"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_hook_changes_nothing_of_a_training_that_does_not_use_it(tmp_path: Path) -> None:
    class Idle(Learned):
        def begin_epoch(self, snapshot: Snapshot) -> None:
            snapshot.encode(torch.arange(100), "all")

    kept = Kept(), Kept()
    trainer(tmp_path / "with", kept[0], own=lambda streams: Idle()).fit()
    trainer(tmp_path / "without", kept[1]).fit()
    assert kept[0].epochs == kept[1].epochs
