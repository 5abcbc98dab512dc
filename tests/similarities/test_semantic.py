from __future__ import annotations

import torch

from sracl.contracts.similarity import SimilarityContract
from sracl.interfaces import ItemSimilarity, SequenceSpec
from sracl.similarities.semantic import Semantic
from tests.support.similarities import semantic

NEIGHBOURS = torch.tensor([[0, 0], [3, 2], [0, 0], [1, 2]])
"""Of padding and three items, the nearest first: item 1's are 3 and 2, item 2 has none."""


class TestSemantic(SimilarityContract):
    def similarity(self) -> ItemSimilarity:
        table = torch.arange(self.num_items + 1)[:, None] % self.num_items + torch.tensor([1, 2])
        table = (table - 1) % self.num_items + 1  # the two that follow, in a ring
        table[[0, 5]] = 0
        return semantic(table)

    def test_mask_has_none(self) -> None:
        assert self.similarity()(torch.tensor([self.num_items + 1])).tolist() == [0]


def test_takes_the_first_neighbour() -> None:
    assert semantic(NEIGHBOURS)(torch.tensor([[0, 1], [2, 3]])).tolist() == [[0, 3], [0, 1]]


def test_without_mask_there_is_a_row_for_each_item_alone() -> None:
    assert Semantic(SequenceSpec(3, 8), NEIGHBOURS).nearest.tolist() == [0, 3, 0, 1]
