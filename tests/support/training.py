"""A training of a minute part: SASRec of eight numbers on a hundred samples, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sracl.backbones.sasrec import SASRec
from sracl.data.samples import SequenceTable
from sracl.engine.early_stopping import EarlyStopping
from sracl.engine.phases import Phase, joint
from sracl.engine.seeding import Streams
from sracl.engine.step import Weighted
from sracl.engine.trainer import Trainer
from sracl.interfaces import Batch, EpochHook, Precision, Request, SequenceSpec, Term
from sracl.losses.cross_entropy import cross_entropy
from sracl.objectives.next_item import NextItem
from sracl.runs.parts import Parts, Training
from sracl.samplers.prefix import Prefix


class Kept:
    """A recorder that remembers, and may stop the run or wish for something.

    Args:
        stop_at: Epoch and step at which the run breaks off, as if a key had been pressed.
        wish_at: Epoch and step after which `wish` is called.
        wish: Sets wishes.
    """

    def __init__(
        self, stop_at: tuple[int, int] | None = None, *, wish_at: tuple[int, int] | None = None, wish: Callable[[], None] = lambda: None
    ) -> None:
        self.epochs: dict[int, Mapping[str, float]] = {}
        self.checkpoints: list[tuple[int, int | None]] = []
        self.stop_at, self.wish_at, self.wish = stop_at, wish_at, wish

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        if (epoch, step) == self.stop_at:
            raise KeyboardInterrupt
        if (epoch, step) == self.wish_at:
            self.wish()

    def checkpoint(self, epoch: int, step: int | None) -> None:
        self.checkpoints.append((epoch, step))

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        self.epochs[epoch] = {name: value for name, value in values.items() if not name.startswith("seconds.")}


class Learned(nn.Module):
    """An objective with a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))

    def term(self, batch: Batch) -> Term:
        encoded = yield [Request("own", batch.inputs, batch.lengths)]
        return (encoded["own"] * self.scale).square().mean()


def table() -> SequenceTable:
    """A hundred samples of one to four of twenty items: seven steps of sixteen or fewer."""
    items = torch.randint(1, 21, (400,), generator=torch.Generator().manual_seed(4))
    stops = torch.arange(5, 105)
    return SequenceTable(items, stops - 1 - stops % 4, stops, max_length=6, users=stops, targets=items[stops])


def trainer(
    folder: Path,
    recorder: Kept,
    *,
    figures: list[float] | None = None,
    epochs: int = 5,
    patience: int | None = None,
    own: Callable[[Streams], Any] = lambda streams: Learned(),
    precision: Precision = "float32",
    phases: Callable[[SASRec, list[Weighted]], list[Phase]] = lambda backbone, objectives: joint(backbone, objectives, torch.optim.Adam),
) -> Trainer:
    """Next items and an objective of its own, with so much of a recorder that its figures can be compared.

    Args:
        folder: Of its checkpoints.
        recorder: Keeps what is told.
        figures: Validation metric of each epoch; the size of the weights if there are none.
        epochs: At most so many.
        patience: Of early stopping.
        own: Makes the second objective.
        precision: Of the encoder.
        phases: Makes the updates of a step.
    """
    streams = Streams(7, torch.device("cpu"))
    with streams.initialising("backbone"):
        backbone = SASRec(SequenceSpec(20, 6), hidden_size=8, inner_size=16)
    objectives = [Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("own", 0.1, own(streams))]

    def validate() -> dict[str, float]:
        if figures is not None:
            return {"valid.mrr@10": figures[len(recorder.epochs)]}
        return {"valid.mrr@10": backbone.item_embedding.weight.detach().abs().sum().item()}

    return Trainer(
        backbone=backbone,
        objectives=objectives,
        samples=table(),
        sampler=Prefix(streams.named("samples")),
        phases=phases(backbone, objectives),
        validate=validate,
        stopping=EarlyStopping("valid.mrr@10", patience),
        streams=streams,
        recorder=recorder,
        folder=folder,
        batch_size=16,
        epochs=epochs,
        key="this run",
        precision=precision,
        hooks=[part.objective for part in objectives if isinstance(part.objective, EpochHook)],
    )


def trainer_of(
    parts: Parts,
    folder: Path,
    recorder: Kept | None = None,
    *,
    epochs: int,
    phases: list[Phase] | None = None,
    training: Training | None = None,
) -> Trainer:
    """What trains a stage of a run, the only one unless told, without looking at its metric, from its last checkpoint if there is one."""
    if training is None:
        (training,) = parts.trainings
    return Trainer(
        backbone=parts.backbone,
        objectives=training.objectives,
        samples=training.samples,
        sampler=training.sampler,
        phases=phases or training.phases(parts.backbone),
        validate=None,
        stopping=EarlyStopping("", None),
        streams=parts.streams,
        recorder=recorder or Kept(),
        folder=folder,
        batch_size=training.settings["batch_size"],
        epochs=epochs,
        key="this run",
        hooks=training.hooks,
    )
