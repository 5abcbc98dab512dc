"""Contrasts with intents over twelve items, and a model to cluster by that can be followed by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sracl.contracts.objective import MeanOfItems
from sracl.contracts.view import samples_of
from sracl.data.samples import SequenceTable
from sracl.interfaces import Request, Snapshot, Want
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.intent_contrast import IntentContrast
from sracl.views.same_target import SameTarget

ROWS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [2, 11], [12, 1, 5]]
TARGETS = [3, 3, 5, 3, 5, 9]


def six() -> SequenceTable:
    """Six samples: three followed by item 3, two by 5, one by 9."""
    return samples_of(ROWS, TARGETS, max_length=5)


class Seen:
    """A snapshot's `encode` that remembers what it was asked for."""

    def __init__(self, samples: SequenceTable, encoder: MeanOfItems) -> None:
        self.samples = samples
        self.encoder = encoder
        self.asked: list[tuple[list[int], Want]] = []

    def __call__(self, rows: Tensor, want: Want) -> Tensor:
        self.asked.append((rows.tolist(), want))
        return self.encoder.encode(Request("", *self.samples.gather(rows), want=want, grad=False))

    def at(self, epoch: int) -> Snapshot:
        return Snapshot(epoch, 0, self.encoder.table.detach(), self)


def contrast(samples: SequenceTable, *, seed: int = 4, loss: Any = nt_xent, **parameters: Any) -> IntentContrast:
    """The contrast of the same target with three intents, before its first epoch."""
    if "views" not in parameters:
        parameters["views"] = SameTarget(samples, torch.Generator().manual_seed(seed), others="contents")
    return IntentContrast(samples, torch.Generator().manual_seed(seed), **{"num_intents": 3, **parameters}, loss=loss)


def begun(samples: SequenceTable, **parameters: Any) -> IntentContrast:
    """The same, after the first clustering."""
    objective = contrast(samples, **parameters)
    objective.begin_epoch(Seen(samples, MeanOfItems(12)).at(1))
    return objective
