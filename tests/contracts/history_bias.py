"""What every bias of histories must satisfy: subclass the suite and give `history_bias`. A third party's runs it too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import HistoryBias


class HistoryBiasContract:
    """Suite of a bias of histories over items 1..`num_items`, where MASK is `num_items` + 1."""

    num_items = 12

    @pytest.fixture
    def history_bias(self) -> HistoryBias:
        raise NotImplementedError("give the bias under test, over items 1..num_items")

    @pytest.fixture
    def histories(self) -> Tensor:
        """A full one, one that says an item thrice, one with MASK behind it, and one of a single item."""
        mask = self.num_items + 1
        return torch.tensor([[1, 2, 3, 4, 5], [0, 7, 9, 7, 7], [0, 0, 3, 8, mask], [0, 0, 0, 0, self.num_items]])

    def test_says_each_item_once_and_nothing_of_padding_or_mask(self, history_bias: HistoryBias, histories: Tensor) -> None:
        bias = history_bias(histories)
        assert bias.items.shape == bias.values.shape
        assert (bias.items.dtype, bias.values.dtype) == (torch.int64, torch.float32)
        assert int(bias.items.min()) >= 0 and int(bias.items.max()) <= self.num_items
        for row in bias.items:
            real = row[row > 0]
            assert len(real.unique()) == len(real)
        assert (bias.values[bias.items == 0] == 0).all()

    def test_a_row_is_what_it_is_alone_and_whatever_stands_on_its_left(self, history_bias: HistoryBias, histories: Tensor) -> None:
        nothing = torch.zeros(1, self.num_items)
        together = history_bias(histories).added_to(nothing.repeat(len(histories), 1))
        for row, found in zip(histories, together, strict=True):
            length = max(1, int((row > 0).sum()))
            alone = history_bias(row[None, -length:]).added_to(nothing)[0]
            torch.testing.assert_close(alone, found)

    def test_leaves_the_histories_as_they_are(self, history_bias: HistoryBias, histories: Tensor) -> None:
        before = histories.clone()
        history_bias(histories)
        assert torch.equal(histories, before)

    def test_what_it_has_learned_it_learns_further(self, history_bias: HistoryBias, histories: Tensor) -> None:
        weights = list(history_bias.parameters()) if isinstance(history_bias, torch.nn.Module) else []
        if weights:
            value = history_bias(histories).values.sum()
            assert all(torch.isfinite(slope).all() for slope in torch.autograd.grad(value, weights))
