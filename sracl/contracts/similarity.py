"""What every similarity of items must satisfy: subclass the suite, and give the `similarity`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.contracts.promises import expect, expect_same, expect_shape, spoken

if TYPE_CHECKING:
    from sracl.interfaces import ItemSimilarity


class SimilarityContract:
    """Suite of a similarity of items 1..`num_items`."""

    num_items = 12

    def similarity(self) -> ItemSimilarity:
        """The similarity under test, an epoch begun."""
        raise NotImplementedError("give the similarity under test, over items 1..num_items")

    def test_answers_with_another_item_or_with_none(self) -> None:
        """Answers with another item, or with 0 for none."""
        items = torch.arange(1, self.num_items + 1)
        nearest = self.similarity()(items)
        expect_shape(nearest, items.shape, "items")
        expect(nearest.dtype == torch.int64, "int64", spoken(nearest.dtype))
        known = (nearest >= 0) & (nearest <= self.num_items)
        expect(known.all(), f"0..{self.num_items}", nearest.tolist())
        own = items[nearest == items].tolist()
        expect(not own, "another item than was asked for", f"itself for {own}")
        expect((nearest > 0).any(), "a neighbour of some item at least", "none")  # who never knows one is of no use

    def test_padding_has_none(self) -> None:
        """Padding has no neighbour."""
        found = self.similarity()(torch.zeros(2, 3, dtype=torch.int64)).tolist()
        expect(found == [[0, 0, 0], [0, 0, 0]], "0 for padding", found)

    def test_takes_any_shape_and_keeps_it(self) -> None:
        """Takes ids of any shape and keeps it; an item's neighbour does not depend on where it stands."""
        for shape in ((), (0,), (7,), (3, 5), (2, 3, 4)):
            items = torch.randint(self.num_items + 1, shape, generator=torch.Generator().manual_seed(3))
            similarity = self.similarity()
            nearest = similarity(items)
            expect_shape(nearest, shape, "items")
            every = similarity(torch.arange(self.num_items + 1))
            expect_same(nearest, every[items], f"the neighbours that items have alone, in shape {list(shape)}")

    def test_leaves_items_and_the_global_generator_alone(self) -> None:
        """Leaves what it is given and torch's global generator alone."""
        similarity = self.similarity()
        items, state = torch.arange(self.num_items + 1), torch.random.get_rng_state()
        similarity(items)
        expect_same(items, torch.arange(self.num_items + 1), "the items to stay as they were given")
        expect(torch.equal(torch.random.get_rng_state(), state), "torch's global generator to stay as it is", "draws from it")
