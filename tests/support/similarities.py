"""What a run gives to similarities of items: histories, and snapshots of the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sracl.contracts.view import samples_of
from sracl.data.samples import SequenceTable
from sracl.interfaces import SequenceSpec, Snapshot, Want
from sracl.similarities.semantic import Semantic


def spec_of(num_items: int) -> SequenceSpec:
    """Of items and MASK."""
    return SequenceSpec(num_items, 8, has_mask=True)


def semantic(neighbours: Tensor) -> Semantic:
    """By a table of neighbours, int64 [V + 1, k]."""
    return Semantic(spec_of(len(neighbours) - 1), neighbours)


def histories_of(rows: Sequence[Sequence[int]]) -> SequenceTable:
    """A row per user, whole, without targets."""
    return samples_of([list(row) for row in rows], [0] * len(rows), max_length=max(map(len, rows)))


def random_histories(num_items: int, num_users: int = 30, seed: int = 0) -> list[list[int]]:
    """Histories of 1 to 8 items, repeats included."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 9, (num_users,), generator=generator).tolist()
    return [torch.randint(1, num_items + 1, (length,), generator=generator).tolist() for length in lengths]


def random_vectors(num_items: int, seed: int = 0) -> Tensor:
    """Of padding, which are not zero here, and of all items: float [V + 1, 5]."""
    return torch.randn(num_items + 1, 5, generator=torch.Generator().manual_seed(seed))


def snapshot(item_table: Tensor, steps: int = 0) -> Snapshot:
    """A model of these item vectors; it encodes nothing."""

    def encode(samples: Tensor, want: Want) -> Tensor:
        raise AssertionError("similarities of items encode nothing")

    return Snapshot(1 + steps // 10, steps, item_table, encode)
