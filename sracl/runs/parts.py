"""The parts of a run: what it trains with, stage by stage, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.engine.phases import alternating, joint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor

    from sracl.backbones.base import Backbone
    from sracl.data.interactions import Interactions
    from sracl.data.samples import SequenceTable
    from sracl.engine.phases import Phase
    from sracl.engine.seeding import Streams
    from sracl.engine.step import Weighted
    from sracl.interfaces import EpochHook, Precision, Sampler
    from sracl.runs.artifacts import Artifact


@dataclass
class Training:
    """What one stage of a run trains with."""

    id: str
    """Of an earlier stage; empty for the last, which is the recipe's own."""
    samples: SequenceTable
    sampler: Sampler
    objectives: list[Weighted]
    optimizer: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]
    hooks: list[EpochHook]
    """Components that are called before every epoch."""
    settings: Mapping[str, Any]
    """The `train` table."""

    @property
    def precision(self) -> Precision:
        """Of the encoder; float32 in a plan that was made before there was a choice, and has waited in the queue."""
        found: Precision = self.settings.get("precision", "float32")
        return found

    def phases(self, backbone: Backbone) -> list[Phase]:
        """The updates of a step, with optimizers of their own."""
        if listed := self.settings.get("phase"):
            return alternating(listed, backbone, self.objectives, self.optimizer)
        return joint(backbone, self.objectives, self.optimizer)


@dataclass
class Parts:
    """What one run trains with and is judged by."""

    data: Interactions
    valid: SequenceTable
    test: SequenceTable
    seen_valid: Tensor
    """Distinct items of each user's history before the validation item, int64 [U, S], 0 where there are fewer."""
    seen_test: Tensor
    streams: Streams
    backbone: Backbone
    trainings: list[Training]
    """In order; the last one is validated."""
    artifacts: dict[str, Artifact]
    """What the stages before training made, as `describe.items`."""

    @property
    def samples(self) -> SequenceTable:
        """Training samples of the last stage."""
        return self.trainings[-1].samples

    @property
    def sampler(self) -> Sampler:
        """Sampler of the last stage."""
        return self.trainings[-1].sampler

    @property
    def objectives(self) -> list[Weighted]:
        """Objectives of the last stage."""
        return self.trainings[-1].objectives
