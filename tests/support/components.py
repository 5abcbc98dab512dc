"""Components of a test's own, named in recipes as `tests.support.components:Name`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch
from torch import nn

from sracl import paths
from sracl.data.splits import Prefixes
from sracl.interfaces import BATCH, Request
from sracl.samplers.prefix import Prefix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from sracl.data.attributes import ItemAttributes
    from sracl.data.interactions import Interactions
    from sracl.data.samples import SequenceTable
    from sracl.interfaces import Batch, SequenceSpec, Snapshot, Term, ViewPair


class Curious(nn.Module):
    """An objective that is given all that a run can give it without neighbours of sequences."""

    def __init__(
        self,
        samples: SequenceTable,
        histories: SequenceTable,
        item_attributes: ItemAttributes,
        item_vectors: Tensor,
        item_neighbours: Tensor,
    ) -> None:
        super().__init__()
        self.samples = samples
        self.histories = histories
        self.attributes = item_attributes
        self.vectors = item_vectors
        self.neighbours = item_neighbours

    def term(self, batch: Batch) -> Term:
        """Shrinks the states."""
        encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
        return encoded[BATCH].square().mean()


class Watchful(nn.Module):
    """An objective that looks at the model before every epoch, and pulls states to where they were then.

    Args:
        generator: Source of what is added to them.
        views: Its first view is what is pulled.
    """

    def __init__(self, generator: torch.Generator, *, views: ViewPair) -> None:
        super().__init__()
        self.generator = generator
        self.views = views
        self.shift = nn.Parameter(torch.zeros(()))
        self.epochs: list[int] = []
        self.aim = torch.empty(0)

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Remember the mean state of the first samples, moved a little."""
        self.epochs.append(snapshot.epoch)
        states = snapshot.encode(torch.arange(20, device=self.generator.device), "last")
        self.aim = states.mean(0) + 0.1 * torch.rand(states.shape[1], generator=self.generator, device=self.generator.device)

    def term(self, batch: Batch) -> Term:
        """Ask for the first view; its mean distance from the aim."""
        first, _ = self.views(batch)
        encoded = yield [first]
        return (encoded[first.key] + self.shift - self.aim).square().mean()


class LearnedViews(nn.Module):
    """Views with something to learn: the batch itself, twice."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, batch: Batch) -> tuple[Request, Request]:
        """The batch as `first` and as `second`."""
        return Request("first", batch.inputs, batch.lengths), Request("second", batch.inputs, batch.lengths)


class Backwards(Prefix):
    """Every prefix that trains, the last user first."""

    def rows(self, interactions: Interactions, max_length: int) -> Prefixes:
        """As many rows as `prefix` has, in another order."""
        rows = super().rows(interactions, max_length)
        turned = {name: getattr(rows, name)[::-1].copy() for name in ("users", "visible", "starts", "stops", "targets")}
        return Prefixes(**turned)


class Held(Prefix):
    """Every prefix that trains; a process begins no more epochs of a training than `let_train` allows its project.

    Args:
        generator: Source of the order.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__(generator)
        self.begun = 0

    def __call__(self, num_samples: int, batch_size: int) -> Sequence[Tensor]:
        """As of `prefix`, once the epoch may begin."""
        self.begun += 1
        allowed = paths.project() / "epochs"
        while allowed.exists() and self.begun > int(allowed.read_text()):
            time.sleep(0.01)
        return super().__call__(num_samples, batch_size)


class WatchfulViews:
    """Views that look at the model before every epoch: the batch itself, twice.

    Args:
        generator: Of the draws, of which there are none.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.epochs: list[int] = []
        self.calls = 0

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Remember the epoch."""
        self.epochs.append(snapshot.epoch)

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        """The batch as `first` and as `second`."""
        self.calls += 1
        return Request("first", batch.inputs, batch.lengths), Request("second", batch.inputs, batch.lengths)


class Bare(nn.Module):
    """Has nothing of what a backbone is asked for but the constructor."""

    def __init__(self, spec: SequenceSpec) -> None:
        super().__init__()
