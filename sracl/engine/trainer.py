"""The training loop. It knows terms and weights, epochs and checkpoints, and no method."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sracl import memory
from sracl.engine.step import demand_states, training_loss
from sracl.engine.training_files import TrainingFiles
from sracl.engine.under_way import UnderWay
from sracl.engine.wishes import Wishes
from sracl.errors import PluginError, SraclError
from sracl.interfaces import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from sracl.backbones.base import Backbone
    from sracl.data.samples import SequenceTable
    from sracl.engine.early_stopping import EarlyStopping
    from sracl.engine.phases import Phase
    from sracl.engine.seeding import Streams
    from sracl.engine.step import Weighted
    from sracl.interfaces import EpochHook, Precision, Recorder, Sampler, Want

RELEASED_EVERY = 20
"""Steps between two releases of memory, which take 1 % of the time. Of SRA-CL's, each leaves 10 MiB of holes on the heap."""

_ENCODED_AT_ONCE = 1024
"""Sequences of a batch when all samples are encoded for a snapshot."""


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    epochs: int
    best_epoch: int
    best: float
    stopped_early: bool


@dataclass
class Trainer:
    """Everything one training needs.

    Args:
        backbone: The encoder, on its device.
        objectives: Every term of the loss; those that are modules are kept in checkpoints.
        samples: All training samples.
        sampler: Which samples make up each step.
        phases: The updates of a step, in order; see `sracl.engine.phases`.
        validate: Returns validation metrics, names as `valid.mrr@10`; None: every epoch counts as better than the one before.
        stopping: Watches one of them.
        streams: Every source of randomness.
        recorder: Is told of every step and epoch.
        folder: Of its files, see `TrainingFiles`.
        batch_size: Samples a step.
        epochs: At most so many.
        key: The run's digest; a checkpoint of another run is refused.
        hooks: Components that are called before every epoch.
        name: Of the stage, if there are several: begins the names of its files.
        wishes: Heeded after every step.
        precision: Of the encoder's matrix products in training steps; hooks and validation see it in float32.
    """

    backbone: Backbone
    objectives: Sequence[Weighted]
    samples: SequenceTable
    sampler: Sampler
    phases: Sequence[Phase]
    validate: Callable[[], Mapping[str, float]] | None
    stopping: EarlyStopping
    streams: Streams
    recorder: Recorder
    folder: Path
    batch_size: int
    epochs: int
    key: str
    hooks: Sequence[EpochHook] = ()
    name: str = ""
    wishes: Wishes = field(default_factory=Wishes)
    precision: Precision = "float32"
    _resumed: UnderWay | None = field(default=None, init=False)

    @property
    def files(self) -> TrainingFiles:
        """What it keeps, and goes on from."""
        optimizers = list(dict.fromkeys(phase.optimizer for phase in self.phases))
        return TrainingFiles(self.folder, self.name, self.key, self.modules(), optimizers, self.streams, self.stopping)

    def fit(self) -> Outcome:
        """Train to the last epoch or until patience runs out, from the last checkpoint if there is one.

        Raises:
            SraclError: The loss is no longer finite.
            DataError: The checkpoint is damaged, belongs to another run, or is of components that have been changed since.
            ResourceError: The checkpoint comes from another kind of device, whose random numbers this one cannot continue.
            BudgetError: No space is left for a checkpoint.
        """
        if self.files.last.exists():
            self._resumed = self.files.restore()
        else:
            self.streams.start()
        with self.wishes.heeded():
            while self.stopping.last_epoch < self.epochs and not self.stopping.exhausted:
                self._epoch(self.stopping.last_epoch + 1)
            if self.wishes.end is not None:  # it came after the last step: what follows, such as texts for the next run, may take hours
                raise self.wishes.end
        stopping = self.stopping
        return Outcome(stopping.last_epoch, stopping.best_epoch, stopping.best, stopping.last_epoch < self.epochs)

    def _epoch(self, epoch: int) -> None:
        begun = time.perf_counter()
        now, self._resumed = self._resumed or self._begun(epoch), None
        started, sums, steps = begun - now.seconds, now.sums, now.done + len(now.left)
        self._training(True)
        for number, rows in enumerate(now.left, start=now.done + 1):
            loss, terms = self.step(rows)
            if number % self._look_every == 0 or number == steps:
                value = loss.item()
                if not math.isfinite(value):
                    shares = ", ".join(f"{name} {term.item():.4g}" for name, term in terms.items())
                    place = f"epoch {epoch}, step {number} of {steps} ({shares})"
                    raise SraclError(f"the loss is {value} at {place}. Lower the learning rate or the weights.")
                self.recorder.step(epoch, number, steps, value)
            for name, term in {"loss": loss, **{f"loss.{name}": term for name, term in terms.items()}}.items():
                sums[name] = sums[name] + term if name in sums else term
            if number % RELEASED_EVERY == 0:
                memory.release()
            if self.wishes.checkpoint or self.wishes.end:
                self._heed(epoch, UnderWay(now.left[number - now.done :], number, sums, time.perf_counter() - started))
        trained = time.perf_counter()
        self._training(False)
        metrics = self.validate() if self.validate else {}
        is_best = self.stopping.update(epoch, metrics[self.stopping.metric] if self.validate else float(epoch))
        values = {name: (value / steps).item() for name, value in sums.items()}
        values |= {"seconds.train": trained - started, "seconds.validate": time.perf_counter() - trained}
        # the rows of an epoch are written before its checkpoint: a run killed in between trains the epoch again and writes the same rows
        self.recorder.epoch(epoch, {**values, **metrics})
        self.files.save()
        if is_best:
            self.files.save_best()
        memory.release()

    def _begun(self, epoch: int) -> UnderWay:
        steps = self.sampler(len(self.samples), self.batch_size)
        if self.hooks:
            self.begin(epoch, (epoch - 1) * len(steps))
        return UnderWay(steps)

    def _heed(self, epoch: int, now: UnderWay) -> None:
        """Write the checkpoint that is wished for, and end where that is.

        Hooks have looked at the model as it stood when the epoch began, which no checkpoint within it holds: with them the last
        finished epoch is where training can go on.
        """
        if self.hooks:
            self.recorder.checkpoint(epoch - 1, None)
        else:
            self.files.save(now)
            self.recorder.checkpoint(epoch, now.done)
        self.wishes.checkpoint = False
        if self.wishes.end is not None:
            raise self.wishes.end

    def step(self, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Make every update of a step; the loss of the first, and every term as it was first computed.

        Raises:
            PluginError: What a phase trains has no part in its loss.
        """
        batch = self.samples.batch(rows)
        first: Tensor | None = None
        terms: dict[str, Tensor] = {}
        for phase in self._in_turn():
            loss, found = training_loss(self.backbone, phase.objectives, batch, precision=self.precision)
            if not loss.requires_grad:
                which = f"train.phase.{phase.id}: " if phase.id else ""
                raise PluginError(
                    f"{which}nothing that is trained has a part in the loss of {', '.join(part.id for part in phase.objectives)}. "
                    "Train what these objectives depend on, or weigh one that depends on it."
                )
            phase.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            phase.optimizer.step()
            first = loss.detach() if first is None else first
            terms = {**found, **terms}
        assert first is not None, "a step has at least one phase"
        return first, terms

    def _in_turn(self) -> Iterator[Phase]:
        """Phases, each with nothing but what it trains open to gradients."""
        if len(self.phases) == 1:
            yield from self.phases
            return
        every = list(dict.fromkeys(parameter for phase in self.phases for parameter in phase.parameters()))
        for phase in self.phases:
            trained = set(phase.parameters())
            for parameter in every:
                parameter.requires_grad_(parameter in trained)
            yield phase
        for parameter in every:
            parameter.requires_grad_(True)

    def begin(self, epoch: int, steps: int) -> None:
        """Show every hook the model as it stands."""
        self._training(False)
        with torch.no_grad():
            table = self.backbone.item_table().detach().clone()
            for hook in self.hooks:
                hook.begin_epoch(Snapshot(epoch, steps, table, partial(self._encode, hook)))

    @torch.no_grad()
    def _encode(self, hook: EpochHook, samples: Tensor, want: Want) -> Tensor:
        """States of some samples, as `Snapshot.encode` promises."""
        ids = {id(part.objective): f"objective '{part.id}'" for part in self.objectives}
        demand_states(self.backbone, ids.get(id(hook), type(hook).__name__))
        parts = []
        for rows in samples.split(_ENCODED_AT_ONCE):
            parts.append(self.backbone.encode(*self.samples.gather(rows), want=want))
        return torch.cat(parts)

    @property
    def _look_every(self) -> int:
        """Steps between two looks at the loss. A GPU is waited for at each, so that it is looked at less often."""
        return 1 if self.streams.device.type == "cpu" else 32

    def modules(self) -> dict[str, nn.Module]:
        """Everything with weights, by name."""
        objectives = {f"objective.{part.id}": part.objective for part in self.objectives}
        return {"backbone": self.backbone, **{name: part for name, part in objectives.items() if isinstance(part, nn.Module)}}

    def _training(self, mode: bool) -> None:
        for module in self.modules().values():
            module.train(mode)
