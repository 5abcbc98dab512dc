"""What every initializer must satisfy: subclass the suite, and give the `initializer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.backbones.gru4rec import GRU4Rec
from sracl.backbones.sasrec import SASRec
from sracl.contracts.promises import expect, expect_same, expect_shape
from sracl.interfaces import SequenceSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sracl.backbones.base import Backbone
    from sracl.interfaces import Initializer


class InitializerContract:
    """Suite of an initializer of backbones over items 1..`num_items`."""

    num_items = 12

    def initializer(self) -> Initializer:
        """The initializer under test."""
        raise NotImplementedError("give the initializer under test, over items 1..num_items")

    def backbones(self) -> Iterator[Backbone]:
        """Some that are as fresh as a run's: SASRec, GRU4Rec, and SASRec with a MASK."""
        for make, has_mask in ((SASRec, False), (GRU4Rec, False), (SASRec, True)):
            torch.manual_seed(5)
            yield make(SequenceSpec(self.num_items, 7, has_mask=has_mask), hidden_size=8)

    def test_changes_weights_and_leaves_them_fit_to_train(self) -> None:
        """Changes weights, and leaves them fit to be trained."""
        for backbone in self.backbones():
            before = {name: weight.detach().clone() for name, weight in backbone.named_parameters()}
            self.initializer()(backbone)
            after = dict(backbone.named_parameters())
            of = f"of {type(backbone).__name__}"
            # an optimizer knows parameters by their order
            expect(list(after) == list(before), f"the parameters {of} in their order", ", ".join(after))
            expect(any(not torch.equal(after[name], before[name]) for name in before), f"other weights {of}", "the same")
            for name, weight in after.items():
                expect_shape(weight, before[name].shape, f"{name} {of}")
                expect(weight.requires_grad and weight.is_leaf, f"{name} {of} to be trained as before", "no leaf with a gradient")
                expect(torch.isfinite(weight).all(), f"finite numbers in {name} {of}", "others")

    def test_padding_stays_zero(self) -> None:
        """The vector of padding stays zero."""
        for backbone in self.backbones():
            self.initializer()(backbone)
            row = backbone.item_table()[0]
            expect((row == 0).all(), f"zeros in row 0 of the item table of {type(backbone).__name__}", row.tolist())

    def test_is_the_same_again_and_draws_from_no_global_generator(self) -> None:
        """Does the same again, and does not draw from torch's global generator."""
        for backbone in self.backbones():
            initializer = self.initializer()
            state = torch.random.get_rng_state()
            initializer(backbone)
            once = [weight.detach().clone() for weight in backbone.parameters()]
            expect(torch.equal(torch.random.get_rng_state(), state), "torch's global generator to stay as it is", "draws from it")
            initializer(backbone)
            for (name, weight), first in zip(backbone.named_parameters(), once, strict=True):
                expect_same(weight, first, f"the same {name} of {type(backbone).__name__} at a second call")
