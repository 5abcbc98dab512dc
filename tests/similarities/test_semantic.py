from __future__ import annotations

import pytest
import torch

from sracl.interfaces import ItemSimilarity
from sracl.similarities.semantic import Semantic
from tests.contracts.similarity import SimilarityContract

NEIGHBOURS = torch.tensor([[0, 0], [3, 2], [0, 0], [1, 2]])
"""Of padding and three items, the nearest first: item 1's are 3 and 2, item 2 has none."""


class TestSemantic(SimilarityContract):
    @pytest.fixture
    def similarity(self) -> ItemSimilarity:
        table = torch.arange(self.num_items + 1)[:, None] % self.num_items + torch.tensor([1, 2])
        table = (table - 1) % self.num_items + 1  # the two that follow, in a ring
        table[[0, 5]] = 0
        return Semantic(table)


def test_takes_the_first_neighbour() -> None:
    assert Semantic(NEIGHBOURS)(torch.tensor([[0, 1], [2, 3]])).tolist() == [[0, 3], [0, 1]]
