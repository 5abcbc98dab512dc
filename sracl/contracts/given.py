"""What a run gives to constructors, made for a suite: a shop of a few items and users, drawn anew the same way each time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sracl.contracts.objective import MeanOfItems
from sracl.data import splits
from sracl.data.attributes import ItemAttributes, item_attributes
from sracl.data.interactions import Interactions
from sracl.data.samples import SequenceNeighbours, SequenceTable
from sracl.interfaces import ItemText, Request, Snapshot

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import SequenceSpec, Want

NUM_USERS = 40
HIDDEN_SIZE = 64
"""Width of item vectors in what objectives are shown: the default of backbones, and of objectives that ask for it."""

_TEXT_SIZE = 16
_NEIGHBOURS = 10
_LONG_AFTER = 1_000_000
"""Steps done before: whatever waits for a warm model has one."""


class Given:
    """Gives by name what `sracl.interfaces.GIVEN` lists.

    Args:
        spec: V, L, and whether there is a MASK.
        known: What the suite itself gives, by name.
    """

    def __init__(self, spec: SequenceSpec, known: dict[str, Any] | None = None) -> None:
        self._spec = spec
        self._known = known or {}

    def __call__(self, name: str, path: str) -> Any:
        """What a constructor asks for; `path` is where the component stands, for whom the same is given everywhere."""
        return self._known[name] if name in self._known else getattr(self, name)

    @property
    def spec(self) -> SequenceSpec:
        """As the suite says."""
        return self._spec

    @property
    def mask_item(self) -> int:
        """V + 1."""
        return self._spec.num_items + 1

    @cached_property
    def generator(self) -> torch.Generator:
        """One for all components."""
        return torch.Generator().manual_seed(1)

    @cached_property
    def interactions(self) -> Interactions:
        """Forty users of 4 to 15 interactions; all V items occur, each with a brand and two categories that others share."""
        draws = np.random.default_rng(0)
        lengths = 4 + np.arange(NUM_USERS) % 12
        items = draws.integers(self._spec.num_items, size=lengths.sum())
        items[: self._spec.num_items] = draws.permutation(self._spec.num_items)
        rows = np.split(items, lengths.cumsum()[:-1])
        texts = {
            f"i{item}": ItemText(title=f"item {item}", brand=f"brand {item % 3}", categories=("all", f"category {item % 4}"))
            for item in range(self._spec.num_items)
        }
        return Interactions.of("check", {f"u{user}": [f"i{item}" for item in row] for user, row in enumerate(rows)}, texts)

    @cached_property
    def samples(self) -> SequenceTable:
        """Every training prefix."""
        rows = splits.training_prefixes(self.interactions, self._spec.max_length)
        return SequenceTable.of(self.interactions, rows, self._spec.max_length)

    @cached_property
    def positions(self) -> SequenceTable:
        """The longest training prefix of each user, every position of which predicts the item after it."""
        rows = splits.at_each_position(splits.user_prefixes(self.interactions, self._spec.max_length))
        return SequenceTable.of(self.interactions, rows, self._spec.max_length)

    @cached_property
    def histories(self) -> SequenceTable:
        """All that trains of each user."""
        rows = splits.histories(self.interactions)
        return SequenceTable.of(self.interactions, rows, int((rows.stops - rows.starts).max()))

    @cached_property
    def item_attributes(self) -> ItemAttributes:
        """Of the shop."""
        return item_attributes(self.interactions)

    @cached_property
    def item_vectors(self) -> Tensor:
        """Drawn, float32 [V + 1, 16]."""
        vectors = torch.randn(self._spec.num_items + 1, _TEXT_SIZE, generator=torch.Generator().manual_seed(2))
        vectors[0] = 0
        return vectors

    @cached_property
    def item_neighbours(self) -> Tensor:
        """The ten items that follow each, in a ring, int64 [V + 1, 10]."""
        items = torch.arange(self._spec.num_items + 1)[:, None]
        neighbours = (items - 1 + torch.arange(1, _NEIGHBOURS + 1)) % self._spec.num_items + 1
        neighbours[0] = 0
        return neighbours

    @cached_property
    def sequence_neighbours(self) -> SequenceNeighbours:
        """The ten samples that follow each, in a ring; every third has nine, another third one."""
        size = len(self.samples)
        ids = (torch.arange(size)[:, None] + torch.arange(1, _NEIGHBOURS + 1)) % size
        ids[1::3, -1:] = ids[2::3, 1:] = -1
        vectors = torch.randn(size, _TEXT_SIZE, generator=torch.Generator().manual_seed(2))
        return SequenceNeighbours(ids=ids, rows=torch.arange(size), pool=self.samples, vectors=vectors)

    @cached_property
    def encoder(self) -> MeanOfItems:
        """Encodes items and MASK, with tables as `lrd` has them by default."""
        draw = torch.Generator().manual_seed(1)
        rows = {"relations": 8, "values": self.item_attributes.num_values + 1}
        tables = {name: torch.randn(count, HIDDEN_SIZE, generator=draw) for name, count in rows.items()}
        return MeanOfItems(self._spec.table_rows - 1, HIDDEN_SIZE, tables)

    def snapshot(self) -> Snapshot:
        """Of `encoder`, for components that look at the model before an epoch."""

        def encode(samples: Tensor, want: Want) -> Tensor:
            items, lengths = self.samples.gather(samples)
            return self.encoder.encode(Request("samples", items, lengths, want=want, grad=False))

        return Snapshot(1, _LONG_AFTER, self.encoder.table[: self._spec.num_items + 1].detach().clone(), encode)
