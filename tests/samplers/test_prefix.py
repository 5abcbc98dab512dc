from __future__ import annotations

import torch

from sracl.contracts.sampler import SamplerContract
from sracl.data.samples import SequenceTable
from sracl.interfaces import Sampler
from sracl.samplers.prefix import Prefix
from tests.data.conftest import by_hand


class TestPrefix(SamplerContract):
    def make(self, generator: torch.Generator) -> Sampler:
        return Prefix(generator)


def test_every_prefix_of_what_trains_is_a_row_with_what_follows() -> None:
    # n = 3: nothing is left; n = 4: t = 1; n = 6: t = 1, 2, 3, of which L = 2 items are read
    toy = by_hand([[1, 2, 3], [4, 5, 6, 1], [2, 7, 2, 3, 7, 2]])
    table = SequenceTable.of(toy, Prefix(torch.Generator()).rows(toy, 2), 2)
    batch = table.batch(torch.arange(len(table)))
    assert batch.users.tolist() == [1, 2, 2, 2]
    assert batch.inputs.tolist() == [[0, 4], [0, 2], [2, 7], [7, 2]]
    assert batch.targets.tolist() == [5, 7, 2, 3]
