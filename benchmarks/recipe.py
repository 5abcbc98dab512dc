"""Our side of the training benchmarks: a shipped recipe, assembled as `sracl run` does, and one step of its training."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from sracl import memory
from sracl.engine.step import training_loss
from sracl.engine.trainer import RELEASED_EVERY
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.workshop import Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from sracl.recipes.plan import RunPlan
    from sracl.runs.parts import Parts

SEED = 2024


@dataclass(frozen=True)
class Setup:
    """One run of a recipe with all its parts."""

    run: RunPlan
    shop: Workshop
    parts: Parts

    @property
    def values(self) -> dict[str, Any]:
        """Every value of the run, defaults included."""
        return dict(self.run.values)

    def steps(self, count: int) -> list[Tensor]:
        """Sample ids of the first full steps, int64 [B] each; both sides of a comparison take the same."""
        batch_size = self.values["train"]["batch_size"]
        found: list[Tensor] = []
        while len(found) < count:
            epoch = self.parts.sampler(len(self.parts.samples), batch_size)
            found += [rows for rows in epoch if len(rows) == min(batch_size, len(self.parts.samples))]
        return found[:count]


def setup(recipe: str, sets: Sequence[str] = ()) -> Setup:
    """Assemble a recipe on the CPU; the stages before training come from the cache, or fill it.

    Raises:
        SraclError: The recipe has problems, or the data set is absent.
    """
    run = plan(recipe, sets=list(sets), seeds=[SEED]).runs[0]
    shop = Workshop(torch.device("cpu"), lambda line: None)
    parts = assemble(run, shop)
    parts.streams.start()
    return Setup(run, shop, parts)


def stepper(parts: Parts) -> Callable[[Tensor], object]:
    """A function that trains on the samples with these ids, int64 [B]: gathers, loss, backward, optimizer.

    It looks at the loss and gives memory back as often as the trainer does.
    """
    (phase,) = parts.trainings[-1].phases(parts.backbone)
    precision = parts.trainings[-1].precision
    number = itertools.count(1)

    def step(rows: Tensor) -> None:
        loss, _ = training_loss(parts.backbone, parts.objectives, parts.samples.batch(rows), precision=precision)
        loss.item()
        phase.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        phase.optimizer.step()
        if next(number) % RELEASED_EVERY == 0:
            memory.release()

    return step
