"""What every bias of histories must satisfy: subclass the suite, and give the `history_bias`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.contracts.promises import does_not_apply, expect, expect_close, expect_same, expect_shape, spoken

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import HistoryBias


class HistoryBiasContract:
    """Suite of a bias of histories over items 1..`num_items`, where MASK is `num_items` + 1."""

    num_items = 12

    def history_bias(self) -> HistoryBias:
        """The bias under test."""
        raise NotImplementedError("give the bias under test, over items 1..num_items")

    def histories(self) -> Tensor:
        """A full one, one that says an item thrice, one with MASK behind it, and one of a single item."""
        mask = self.num_items + 1
        return torch.tensor([[1, 2, 3, 4, 5], [0, 7, 9, 7, 7], [0, 0, 3, 8, mask], [0, 0, 0, 0, self.num_items]])

    def test_says_each_item_once_and_nothing_of_padding_or_mask(self) -> None:
        """Says each item once, and nothing of padding and MASK."""
        bias = self.history_bias()(self.histories())
        expect_shape(bias.values, bias.items.shape, "a value for each item,")
        types = f"{spoken(bias.items.dtype)} and {spoken(bias.values.dtype)}"
        expect((bias.items.dtype, bias.values.dtype) == (torch.int64, torch.float32), "items of int64 and values of float32", types)
        least, most = int(bias.items.min()), int(bias.items.max())
        expect(least >= 0 and most <= self.num_items, f"ids in 0..{self.num_items} (MASK is {self.num_items + 1})", f"{least} to {most}")
        for row in bias.items:
            real = row[row > 0]
            expect(len(real.unique()) == len(real), "no item twice in a row", row.tolist())
        expect((bias.values[bias.items == 0] == 0).all(), "0 where there is no item", "other values")

    def test_a_row_is_what_it_is_alone_and_whatever_stands_on_its_left(self) -> None:
        """A history has the same bias alone, beside others and with any padding."""
        nothing = torch.zeros(1, self.num_items)
        history_bias, histories = self.history_bias(), self.histories()
        together = history_bias(histories).added_to(nothing.repeat(len(histories), 1))
        for row, found in zip(histories, together, strict=True):
            length = max(1, int((row > 0).sum()))
            alone = history_bias(row[None, -length:]).added_to(nothing)[0]
            expect_close(alone, found, f"the bias of {row.tolist()} to be that of it alone, without padding")

    def test_leaves_the_histories_as_they_are(self) -> None:
        """Never writes to its input."""
        histories = self.histories()
        before = histories.clone()
        self.history_bias()(histories)
        expect_same(histories, before, "the histories to stay as they were given")

    def test_what_it_has_learned_it_learns_further(self) -> None:
        """Its weights have finite gradients, where it has some."""
        history_bias = self.history_bias()
        weights = list(history_bias.parameters()) if isinstance(history_bias, torch.nn.Module) else []
        if not weights:
            does_not_apply("it has no weights")
        value = history_bias(self.histories()).values.sum()
        for slope in torch.autograd.grad(value, weights):
            expect(torch.isfinite(slope).all(), "finite gradients", slope.tolist())
