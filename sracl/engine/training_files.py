"""The two files of a training: `last`, with which it goes on, and `best`, the weights to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch.optim import Adam, AdamW

from sracl.engine import checkpoint, optimizer_state
from sracl.engine.under_way import UnderWay
from sracl.errors import DataError, ResourceError
from sracl.wording import the_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from sracl.engine.early_stopping import EarlyStopping
    from sracl.engine.seeding import Streams

_TOLD = 3
"""At most so much of what does not fit is told."""


@dataclass(frozen=True)
class TrainingFiles:
    """What a training keeps, and takes up again.

    Args:
        folder: Where they lie.
        name: Of the training, if there are several; begins the names of its files.
        key: The run's digest; files of another run are refused.
        modules: Everything with weights, by name; the encoder is `backbone`.
        optimizers: Of all phases, each once.
        streams: Every source of randomness.
        stopping: Epochs so far, and the best of them.
    """

    folder: Path
    name: str
    key: str
    modules: Mapping[str, nn.Module]
    optimizers: Sequence[Optimizer]
    streams: Streams
    stopping: EarlyStopping

    @property
    def last(self) -> Path:
        """Everything needed to go on after the last finished epoch, or within the one after it."""
        return self._file("last")

    @property
    def best(self) -> Path:
        """Weights of the backbone after the best epoch."""
        return self._file("best")

    def save(self, now: UnderWay | None = None) -> None:
        """Write `last`, as of the end of an epoch or between two steps of one.

        Raises:
            BudgetError: No space is left; the file of before is untouched.
        """
        optimizers, entries = optimizer_state.pack(self.optimizers)
        tensors = self._state() | {f"optimizer/{name}": value for name, value in optimizers.items()}
        facts = {"key": self.key, "device": self.streams.device.type, "stopping": self.stopping.state(), "trained": self._trained()}
        facts |= entries
        if now is not None:
            kept, facts["under_way"] = now.pack()
            tensors |= {f"under_way/{name}": value for name, value in kept.items()}
        checkpoint.write(self.last, tensors, facts)

    def save_best(self) -> None:
        """Keep the weights as those of the best epoch.

        Only once `last` says that it is: an epoch that is lost may go otherwise when it is trained again, on a GPU or with other
        threads. Whoever is killed in between finds the weights in `last`.

        Raises:
            BudgetError: No space is left; the file of before is untouched.
        """
        checkpoint.write(self.best, self.modules["backbone"].state_dict(), {"epoch": self.stopping.best_epoch, "key": self.key})

    def room(self) -> int:
        """Bytes that the two files take at most at once, `last` while it replaces the one before it; estimated from below.

        Of what optimizers will remember only Adam's moments are known beforehand.
        """
        state = sum(tensor.nbytes for tensor in self._state().values())
        moments: int = sum(
            2 * parameter.nbytes
            for optimizer in self.optimizers
            if isinstance(optimizer, (Adam, AdamW))
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.requires_grad
        )
        best: int = sum(tensor.nbytes for tensor in self.modules["backbone"].state_dict().values())
        return 2 * (state + moments) + best

    def restore(self) -> UnderWay | None:
        """Put everything into the state that `last` holds; the epoch that it was written in, if that had not ended.

        Raises:
            DataError: The file is damaged, belongs to another run, or is of components that have been changed since.
            ResourceError: It comes from another kind of device, whose random numbers this one cannot continue.
            BudgetError: No space is left for the weights of the best epoch, where it was the last.
        """
        tensors, facts = checkpoint.read(self.last)
        if facts["key"] != self.key:
            raise DataError(
                f"{self.last} belongs to another run ({facts['key'][:10]}, not {self.key[:10]}); move it away to train this one."
            )
        here = self.streams.device.type
        if (there := facts.get("device", here)) != here:
            raise ResourceError(
                f"this run was begun on {there} and its random numbers cannot go on on {here}. Continue with --device {there}, "
                f"or delete {self.last} to train it here from its start."
            )
        self._demand_fit(tensors, facts)
        for name, module in self.modules.items():
            module.load_state_dict(checkpoint.below(tensors, f"{name}/"))
        optimizer_state.unpack(self.optimizers, checkpoint.below(tensors, "optimizer/"), facts)
        self.streams.restore(checkpoint.below(tensors, "stream/"))
        self.stopping.restore(facts["stopping"])
        if "under_way" in facts:
            return UnderWay.unpack(checkpoint.below(tensors, "under_way/"), facts["under_way"], self.streams.device)
        if self.stopping.best_epoch == self.stopping.last_epoch:
            self.save_best()
        return None

    def best_weights(self, device: str) -> dict[str, Tensor]:
        """Of the backbone, after the training.

        Raises:
            DataError: Their file is gone, damaged, or of another epoch.
        """
        again = f"Delete {self.last} to train this run from its start."
        try:
            weights, facts = checkpoint.read(self.best, device)
        except DataError as error:
            raise DataError(f"the weights of the best epoch, {self.best}, cannot be read ({error.__cause__}). {again}") from error
        if (facts["key"], facts["epoch"]) != (self.key, self.stopping.best_epoch):
            raise DataError(f"{self.best} has the weights of another epoch than the best, {self.stopping.best_epoch}. {again}")
        return weights

    def _file(self, which: str) -> Path:
        return self.folder / ".".join(filter(None, (self.name, which, "safetensors")))

    def _state(self) -> dict[str, Tensor]:
        """What the components and the streams are by now, by name."""
        tensors = {f"{name}/{key}": value for name, module in self.modules.items() for key, value in module.state_dict().items()}
        return tensors | {f"stream/{name}": value for name, value in self.streams.state().items()}

    def _trained(self) -> list[list[str]]:
        """Names of what each optimizer trains, in its order, by which it numbers what it remembers of them."""
        modules = self.modules.items()
        names = {parameter: f"{name}/{key}" for name, module in modules for key, parameter in module.named_parameters()}
        return [[names.get(one, "") for group in optimizer.param_groups for one in group["params"]] for optimizer in self.optimizers]

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
            raise DataError(
                f"{self.last} does not fit this run as it is built now: {'; '.join(the_first(found, _TOLD))}. A component has been changed "
                "since; continue with the code of then, or delete the file to train this run from its start."
            )
