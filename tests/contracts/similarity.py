"""What every similarity of items must satisfy: subclass the suite and give `similarity`. A third party's runs it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from sracl.interfaces import ItemSimilarity


class SimilarityContract:
    """Suite of a similarity of items 1..`num_items`."""

    num_items = 12

    @pytest.fixture
    def similarity(self) -> ItemSimilarity:
        raise NotImplementedError("give the similarity under test, over items 1..num_items")

    def test_answers_with_another_item_or_with_none(self, similarity: ItemSimilarity) -> None:
        items = torch.arange(1, self.num_items + 1)
        nearest = similarity(items)
        assert nearest.dtype == torch.int64
        assert bool(((nearest >= 0) & (nearest <= self.num_items)).all())
        assert not bool((nearest == items).any())
        assert bool((nearest > 0).any())  # who never knows one is of no use

    def test_padding_has_none(self, similarity: ItemSimilarity) -> None:
        assert similarity(torch.zeros(2, 3, dtype=torch.int64)).tolist() == [[0, 0, 0], [0, 0, 0]]

    @pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 5), (2, 3, 4)])
    def test_takes_any_shape_and_keeps_it(self, similarity: ItemSimilarity, shape: tuple[int, ...]) -> None:
        items = torch.randint(self.num_items + 1, shape, generator=torch.Generator().manual_seed(3))
        nearest = similarity(items)
        assert nearest.shape == shape
        every = similarity(torch.arange(self.num_items + 1))
        assert torch.equal(nearest, every[items])  # an item's neighbour does not depend on where it stands

    def test_leaves_items_and_the_global_generator_alone(self, similarity: ItemSimilarity) -> None:
        items, state = torch.arange(self.num_items + 1), torch.random.get_rng_state()
        similarity(items)
        assert torch.equal(items, torch.arange(self.num_items + 1))
        assert torch.equal(torch.random.get_rng_state(), state)
