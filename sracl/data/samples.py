"""Sequences on the device: one tensor of all interactions, and rows cut out of it by gathers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sracl.data.draws import below
from sracl.interfaces import Batch

if TYPE_CHECKING:
    from sracl.data.interactions import Interactions
    from sracl.data.splits import Prefixes


class SequenceTable:
    """Rows of at most `max_length` items, kept as ranges of one tensor.

    Args:
        items: Items of all users end to end, int64 [N].
        starts: Where each row begins in `items`, int64 [S]; rows longer than `max_length` lose their oldest items.
        stops: Where each row ends, int64 [S], exclusive; every row has at least one item.
        max_length: L, the width of a gathered row.
        users: Row of each sequence's user, int64 [S], from 0.
        targets: The next item, int64 [S].
        each_position: Whether a batch has the item after every position for targets.
        has_targets: Whether there are targets, and not zeros where nothing that follows may be looked at.
    """

    def __init__(
        self,
        items: Tensor,
        starts: Tensor,
        stops: Tensor,
        *,
        max_length: int,
        users: Tensor,
        targets: Tensor,
        each_position: bool = False,
        has_targets: bool = True,
    ) -> None:
        self.items = items
        self.starts = torch.maximum(starts, stops - max_length)
        self.stops = stops
        self.max_length = max_length
        self.users = users
        self.targets = targets
        self.each_position = each_position
        self.has_targets = has_targets
        self._columns = torch.arange(-max_length, 0, device=items.device)

    @classmethod
    def of(cls, interactions: Interactions, prefixes: Prefixes, max_length: int, device: torch.device | str = "cpu") -> SequenceTable:
        """The prefixes of these interactions, on a device; row i is prefix i."""
        return cls(
            torch.tensor(interactions.items, device=device),
            torch.tensor(prefixes.starts, device=device),
            torch.tensor(prefixes.stops, device=device),
            max_length=max_length,
            users=torch.tensor(prefixes.users, device=device),
            targets=torch.tensor(prefixes.targets, device=device),
            each_position=prefixes.each_position,
            has_targets=prefixes.has_targets,
        )

    def __len__(self) -> int:
        """S."""
        return len(self.stops)

    def gather(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Items and lengths of some rows.

        Args:
            rows: int64 [R] in 0..S-1, repeats allowed.

        Returns:
            Item ids, int64 [R, L], left-padded with 0; lengths, int64 [R], 1..L.
        """
        starts, stops = self.starts[rows], self.stops[rows]
        places = stops.unsqueeze(1) + self._columns  # [R, L]
        # Places before a row's start belong to another row, or to none: read place 0 there and overwrite it.
        items = self.items[places.clamp_min(0)].masked_fill(places < starts.unsqueeze(1), 0)
        return items, stops - starts

    def contents(self) -> Tensor:
        """A number for the items of every row, equal where and only where they are: int64 [S]."""
        items, _ = self.gather(torch.arange(len(self), device=self.stops.device))
        numbers: Tensor = torch.unique(items, dim=0, return_inverse=True)[1]
        return numbers

    def batch(self, rows: Tensor) -> Batch:
        """The rows as a training batch; a row's number is its sample id."""
        inputs, lengths = self.gather(rows)
        targets = self.targets[rows]
        if self.each_position:  # the item after each but the last stands in the next column
            targets = torch.cat([inputs[:, 1:].masked_fill(inputs[:, :-1] == 0, 0), targets[:, None]], dim=1)
        return Batch(samples=rows, users=self.users[rows], inputs=inputs, lengths=lengths, targets=targets)


@dataclass(frozen=True)
class SequenceNeighbours:
    """Semantic neighbours of the training samples, and the pool they come from."""

    ids: Tensor
    """Pool rows of each training sample's neighbours, int64 [S, k]; -1 where there is none."""
    rows: Tensor
    """The pool row of each training sample itself, int64 [S]."""
    pool: SequenceTable
    """Sequences of the pool, P rows."""
    vectors: Tensor
    """Semantic vector of every pool row, float32 [P, e]: a constant without gradient."""


class SameTarget:
    """For every training sample, the others that predict the same item.

    Samples are kept sorted by target, those of one target side by side and in it those of one content, so that a draw takes a
    few gathers and no search.

    Args:
        targets: The next item of every sample, int64 [S].
        contents: Samples of equal numbers are never drawn for one another, int64 [S]; None: only a sample itself is not.
    """

    def __init__(self, targets: Tensor, contents: Tensor | None = None) -> None:
        count, device = len(targets), targets.device
        alike = torch.arange(count, device=device) if contents is None else contents
        by_content = torch.argsort(alike, stable=True)
        self._order = by_content[torch.argsort(targets[by_content], stable=True)]
        first, size = _runs(targets[self._order])
        # a run of one content within a target; numbers of contents may recur under another target
        own_first, own_size = _runs(targets[self._order] * (alike.max() + 1 if count else 1) + alike[self._order])
        back = torch.empty_like(self._order).scatter_(0, self._order, torch.arange(count, device=device))
        self._first = first[back]  # [S], place of the first sample of the same target
        self._size = size[back]  # [S], samples of this target, at least 1
        self._own_size = own_size[back]  # [S], those of them that cannot be drawn, at least 1
        self._after = (own_first + own_size - first)[back]  # [S], place of the first sample after those, from `first`
        self._place = back

    def draw(self, samples: Tensor, generator: torch.Generator) -> Tensor:
        """Another sample of the same target for each, all equally likely; a sample that has no other gets itself.

        Args:
            samples: Sample ids, int64 [B], repeats allowed.
            generator: Source of the draws, on the device of the samples.

        Returns:
            Sample ids, int64 [B].
        """
        size = self._size[samples]
        others = size - self._own_size[samples]
        draw = below(others.clamp(min=1), generator)
        drawn = self._first[samples] + (self._after[samples] + draw) % size
        return self._order[torch.where(others > 0, drawn, self._place[samples])]


def _runs(values: Tensor) -> tuple[Tensor, Tensor]:
    """Of every place in an ordered tensor [S], where the run of its value begins and how long it is: int64 [S] each."""
    first = torch.searchsorted(values, values)
    return first, torch.searchsorted(values, values, right=True) - first
