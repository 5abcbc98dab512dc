"""What every initializer must satisfy: subclass the suite and give `initializer`. A third party's runs it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from sracl.backbones.gru4rec import GRU4Rec
from sracl.backbones.sasrec import SASRec
from sracl.interfaces import SequenceSpec

if TYPE_CHECKING:
    from sracl.backbones.base import Backbone
    from sracl.interfaces import Initializer


class InitializerContract:
    """Suite of an initializer of backbones over items 1..`num_items`."""

    num_items = 12

    @pytest.fixture
    def initializer(self) -> Initializer:
        raise NotImplementedError("give the initializer under test, over items 1..num_items")

    @pytest.fixture(params=["sasrec", "gru4rec", "with a MASK"])
    def backbone(self, request: pytest.FixtureRequest) -> Backbone:
        """One that is as fresh as a run's."""
        torch.manual_seed(5)
        spec = SequenceSpec(self.num_items, 7, has_mask=request.param == "with a MASK")
        return GRU4Rec(spec, hidden_size=8) if request.param == "gru4rec" else SASRec(spec, hidden_size=8)

    def test_changes_weights_and_leaves_them_fit_to_train(self, initializer: Initializer, backbone: Backbone) -> None:
        before = {name: weight.detach().clone() for name, weight in backbone.named_parameters()}
        initializer(backbone)
        after = dict(backbone.named_parameters())
        assert list(after) == list(before)  # an optimizer knows parameters by their order
        assert any(not torch.equal(after[name], before[name]) for name in before)
        for name, weight in after.items():
            assert weight.shape == before[name].shape
            assert weight.requires_grad and weight.is_leaf
            assert torch.isfinite(weight).all()

    def test_padding_stays_zero(self, initializer: Initializer, backbone: Backbone) -> None:
        initializer(backbone)
        assert (backbone.item_table()[0] == 0).all()

    def test_is_the_same_again_and_draws_from_no_global_generator(self, initializer: Initializer, backbone: Backbone) -> None:
        state = torch.random.get_rng_state()
        initializer(backbone)
        once = [weight.detach().clone() for weight in backbone.parameters()]
        assert torch.equal(torch.random.get_rng_state(), state)
        initializer(backbone)
        assert all(torch.equal(first, second) for first, second in zip(once, backbone.parameters(), strict=True))
