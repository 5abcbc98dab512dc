"""The training loop. It knows terms and weights, epochs and checkpoints, and no method."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sracl.engine import checkpoint, memory
from sracl.engine.step import Weighted, training_loss
from sracl.errors import DataError, ResourceError, SraclError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sracl.backbones.base import Backbone
    from sracl.data.samples import SequenceTable
    from sracl.engine.early_stopping import EarlyStopping
    from sracl.engine.seeding import Streams
    from sracl.interfaces import Recorder, Sampler


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
        objectives: The terms of the loss; those that are modules are trained with the backbone.
        samples: All training samples.
        sampler: Which samples make up each step.
        optimizer: Over the parameters of backbone and objectives, see `parameters`.
        validate: Returns validation metrics, names as `valid.mrr@10`.
        stopping: Watches one of them.
        streams: Every source of randomness.
        recorder: Is told of every step and epoch.
        folder: Holds `last.safetensors` (everything, to resume) and `best.safetensors` (the backbone alone, to use).
        batch_size: Samples a step.
        epochs: At most so many.
        key: The run's digest; a checkpoint of another run is refused.
    """

    backbone: Backbone
    objectives: Sequence[Weighted]
    samples: SequenceTable
    sampler: Sampler
    optimizer: torch.optim.Optimizer
    validate: Callable[[], Mapping[str, float]]
    stopping: EarlyStopping
    streams: Streams
    recorder: Recorder
    folder: Path
    batch_size: int
    epochs: int
    key: str

    @property
    def best_file(self) -> Path:
        """Weights of the best epoch."""
        return self.folder / "best.safetensors"

    @property
    def last_file(self) -> Path:
        """Everything needed to go on after the last finished epoch."""
        return self.folder / "last.safetensors"

    def fit(self) -> Outcome:
        """Train to the last epoch or until patience runs out, from the last checkpoint if there is one.

        Raises:
            SraclError: The loss is no longer finite.
            DataError: The checkpoint is damaged or belongs to another run.
            ResourceError: The checkpoint comes from another kind of device, whose random numbers this one cannot continue.
            BudgetError: No space is left for a checkpoint.
        """
        if self.last_file.exists():
            self._resume()
        else:
            self.streams.start()
        while self.stopping.last_epoch < self.epochs and not self.stopping.exhausted:
            self._epoch(self.stopping.last_epoch + 1)
        stopping = self.stopping
        return Outcome(stopping.last_epoch, stopping.best_epoch, stopping.best, stopping.last_epoch < self.epochs)

    def _epoch(self, epoch: int) -> None:
        started = time.perf_counter()
        self._training(True)
        steps = self.sampler(len(self.samples), self.batch_size)
        sums: dict[str, Tensor] = {}
        for number, rows in enumerate(steps, start=1):
            loss, terms = training_loss(self.backbone, self.objectives, self.samples.batch(rows))
            if number % self._look_every == 0 or number == len(steps):
                value = loss.item()
                if not math.isfinite(value):
                    shares = ", ".join(f"{name} {term.item():.4g}" for name, term in terms.items())
                    raise SraclError(
                        f"the loss is {value} at epoch {epoch}, step {number} of {len(steps)} ({shares}). "
                        "Lower the learning rate or the weights."
                    )
                self.recorder.step(epoch, number, len(steps), value)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            for name, term in {"loss": loss.detach(), **{f"loss.{name}": term for name, term in terms.items()}}.items():
                sums[name] = sums[name] + term if name in sums else term
            if number % memory.EVERY == 0:
                memory.release()
        trained = time.perf_counter()
        self._training(False)
        metrics = self.validate()
        if self.stopping.update(epoch, metrics[self.stopping.metric]):
            checkpoint.write(self.best_file, self.backbone.state_dict(), {"epoch": epoch, "key": self.key})
        values = {name: (value / len(steps)).item() for name, value in sums.items()}
        values |= {"seconds.train": trained - started, "seconds.validate": time.perf_counter() - trained}
        # the rows of an epoch are written before its checkpoint: a run killed in between trains the epoch again and writes the same rows
        self.recorder.epoch(epoch, {**values, **metrics})
        self._save()
        memory.release()

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

    def _save(self) -> None:
        tensors = {f"{name}/{key}": value for name, module in self.modules().items() for key, value in module.state_dict().items()}
        moments: dict[str, dict[str, Any]] = {}
        state = self.optimizer.state_dict()
        for index, entries in state["state"].items():
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer/{index}/{name}"] = value
                else:
                    moments.setdefault(str(index), {})[name] = value
        tensors |= {f"stream/{name}": value for name, value in self.streams.state().items()}
        facts = {
            "key": self.key,
            "device": self.streams.device.type,
            "stopping": self.stopping.state(),
            "groups": state["param_groups"],
            "moments": moments,
        }
        checkpoint.write(self.last_file, tensors, facts)

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
        for name, module in self.modules().items():
            module.load_state_dict(_below(tensors, f"{name}/"))
        state: dict[int, dict[str, Any]] = {int(index): dict(entries) for index, entries in facts["moments"].items()}
        for path, value in _below(tensors, "optimizer/").items():
            index, name = path.split("/")
            state.setdefault(int(index), {})[name] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": facts["groups"]})
        self.streams.restore(_below(tensors, "stream/"))
        self.stopping.restore(facts["stopping"])


def parameters(backbone: nn.Module, objectives: Sequence[Weighted]) -> list[nn.Parameter]:
    """All trained parameters: the backbone's, then those of objectives that have some."""
    modules = [backbone, *(part.objective for part in objectives if isinstance(part.objective, nn.Module))]
    return [parameter for module in modules for parameter in module.parameters() if parameter.requires_grad]


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
