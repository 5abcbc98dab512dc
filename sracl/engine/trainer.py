"""The training loop. It knows terms and weights, epochs and checkpoints, and no method."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sracl import memory
from sracl.engine import checkpoint, optimizer_state
from sracl.engine.step import demand_states, training_loss
from sracl.engine.under_way import UnderWay
from sracl.engine.wishes import Wishes
from sracl.errors import DataError, PluginError, ResourceError, SraclError
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

_TOLD = 3
"""At most so much of what does not fit in a checkpoint is told."""


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
        folder: Holds `last.safetensors` (everything, to resume) and `best.safetensors` (the backbone alone, to use).
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
    def best_file(self) -> Path:
        """Weights of the best epoch."""
        return self._file("best")

    @property
    def last_file(self) -> Path:
        """Everything needed to go on after the last finished epoch, or within the one after it."""
        return self._file("last")

    def _file(self, which: str) -> Path:
        return self.folder / ".".join(filter(None, (self.name, which, "safetensors")))

    def fit(self) -> Outcome:
        """Train to the last epoch or until patience runs out, from the last checkpoint if there is one.

        Raises:
            SraclError: The loss is no longer finite.
            DataError: The checkpoint is damaged, belongs to another run, or is of components that have been changed since.
            ResourceError: The checkpoint comes from another kind of device, whose random numbers this one cannot continue.
            BudgetError: No space is left for a checkpoint.
        """
        if self.last_file.exists():
            self._resume()
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
        self._save()
        if is_best:
            self._save_best()
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
            self._save(now)
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

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        """Those of all phases, each once."""
        return list(dict.fromkeys(phase.optimizer for phase in self.phases))

    def _trained(self) -> list[list[str]]:
        """Names of what each optimizer trains, in its order, by which it numbers what it remembers of them."""
        modules = self.modules().items()
        names = {parameter: f"{name}/{key}" for name, module in modules for key, parameter in module.named_parameters()}
        return [[names.get(one, "") for group in optimizer.param_groups for one in group["params"]] for optimizer in self._optimizers()]

    def _state(self) -> dict[str, Tensor]:
        """What the components and the streams are by now, by name."""
        tensors = {f"{name}/{key}": value for name, module in self.modules().items() for key, value in module.state_dict().items()}
        return tensors | {f"stream/{name}": value for name, value in self.streams.state().items()}

    def _save(self, now: UnderWay | None = None) -> None:
        optimizers, entries = optimizer_state.pack(self._optimizers())
        tensors = self._state() | {f"optimizer/{name}": value for name, value in optimizers.items()}
        facts = {"key": self.key, "device": self.streams.device.type, "stopping": self.stopping.state(), "trained": self._trained()}
        facts |= entries
        if now is not None:
            kept, facts["under_way"] = now.pack()
            tensors |= {f"under_way/{name}": value for name, value in kept.items()}
        checkpoint.write(self.last_file, tensors, facts)

    def _save_best(self) -> None:
        """Keep the weights as those of the best epoch.

        Only once the checkpoint says that it is: an epoch that is lost may go otherwise when it is trained again, on a GPU or with
        other threads. Whoever is killed in between finds the weights in the checkpoint.
        """
        checkpoint.write(self.best_file, self.backbone.state_dict(), {"epoch": self.stopping.best_epoch, "key": self.key})

    def best_weights(self, device: str) -> dict[str, Tensor]:
        """Of the backbone, after `fit`.

        Raises:
            DataError: Their file is gone, damaged, or of another epoch.
        """
        again = f"Delete {self.last_file} to train this run from its start."
        try:
            weights, facts = checkpoint.read(self.best_file, device)
        except DataError as error:
            raise DataError(f"the weights of the best epoch, {self.best_file}, cannot be read ({error.__cause__}). {again}") from error
        if (facts["key"], facts["epoch"]) != (self.key, self.stopping.best_epoch):
            raise DataError(f"{self.best_file} has the weights of another epoch than the best, {self.stopping.best_epoch}. {again}")
        return weights

    def _resume(self) -> None:
        tensors, facts = checkpoint.read(self.last_file)
        if facts["key"] != self.key:
            raise DataError(
                f"{self.last_file} belongs to another run ({facts['key'][:10]}, not {self.key[:10]}); move it away to train this one."
            )
        here = self.streams.device.type
        if (there := facts.get("device", here)) != here:
            raise ResourceError(
                f"this run was begun on {there} and its random numbers cannot go on on {here}. Continue with --device {there}, "
                f"or delete {self.last_file} to train it here from its start."
            )
        self._demand_fit(tensors, facts)
        for name, module in self.modules().items():
            module.load_state_dict(checkpoint.below(tensors, f"{name}/"))
        optimizer_state.unpack(self._optimizers(), checkpoint.below(tensors, "optimizer/"), facts)
        self.streams.restore(checkpoint.below(tensors, "stream/"))
        self.stopping.restore(facts["stopping"])
        if "under_way" in facts:
            self._resumed = UnderWay.unpack(checkpoint.below(tensors, "under_way/"), facts["under_way"], self.streams.device)
        elif self.stopping.best_epoch == self.stopping.last_epoch:
            self._save_best()

    def _demand_fit(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Refuse a checkpoint of components that are not those of now: code may change without a new version, which the key would show.

        Raises:
            DataError: With what has changed.
        """
        kept = {name: value for name, value in tensors.items() if not name.startswith(("optimizer/", "under_way/"))}
        found = list(checkpoint.differences(self._state(), kept))
        if not found and facts.get("trained", self._trained()) != self._trained():
            found = ["the optimizers train other parameters, or these in another order"]
        if found:
            told = "; ".join([*found[:_TOLD], *([f"and {len(found) - _TOLD} more"] if found[_TOLD:] else [])])
            raise DataError(
                f"{self.last_file} does not fit this run as it is built now: {told}. A component has been changed since; continue with "
                "the code of then, or delete the file to train this run from its start."
            )
