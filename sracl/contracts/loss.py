"""What every loss must satisfy: subclass the suite of its kind, and give the `loss`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.contracts.promises import expect, expect_close, expect_shape, refusal, spoken

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import ContrastiveLoss, RankingLoss


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    """Reproducible normal draws that leave the global generator alone."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _expect_number(value: Tensor) -> None:
    expect_shape(value, (), "one number,")
    expect(value.isfinite(), "a finite number", value.item())


def _descend(value: Tensor) -> None:
    """Send the gradient of a loss back to what it was made of."""
    expect(value.requires_grad, "a loss that can be differentiated", "a number without a gradient")
    torch.autograd.backward(value)


def _expect_reached(leaf: Tensor, rows: list[int], what: str) -> None:
    """Hold a leaf to having a gradient in each of these rows."""
    expected = f"a gradient of every one of {what}"
    expect(leaf.grad is not None, expected, "none at all")
    assert leaf.grad is not None
    without = [row for row in rows if not leaf.grad[row].norm() > 0]
    expect(not without, expected, f"none of rows {without}")


def _expect_finite_gradient(leaf: Tensor) -> None:
    expect(leaf.grad is not None, "a gradient", "none")
    assert leaf.grad is not None
    expect(leaf.grad.isfinite().all(), "a finite gradient", leaf.grad.tolist())


class RankingLossContract:
    """Suite of a loss called as `(states [N, d], item_table [V + 1, d], targets [N])`, which draws the same at each call."""

    draws_by_row = False
    """Whether it draws negatives for each row by its place, so that rows in another order meet other ones. Their order is then tried
    with two items, of which but one is no target."""

    def loss(self) -> RankingLoss:
        """The loss under test."""
        raise NotImplementedError("give the loss under test")

    def test_is_one_finite_number(self) -> None:
        """Is one finite number."""
        _expect_number(self.loss()(normal(6, 4), normal(9, 4, seed=1), torch.tensor([1, 2, 8, 4, 4, 6])))

    def test_reaches_states_and_items_with_its_gradient(self) -> None:
        """Reaches all states and the vectors of all targets with its gradient."""
        states, table = normal(6, 4).requires_grad_(), normal(9, 4, seed=1).requires_grad_()
        _descend(self.loss()(states, table, torch.tensor([1, 2, 8, 4, 4, 6])))
        _expect_reached(states, list(range(6)), "6 states")
        _expect_reached(table, [1, 2, 8, 4, 6], "the targets' vectors")  # whatever else takes part

    def test_never_counts_padding_as_a_class(self) -> None:
        """Never counts padding, row 0 of the item table, as a class."""
        states, targets = normal(6, 4), torch.tensor([1, 2, 8, 4, 4, 6])
        table = normal(9, 4, seed=1)
        loud = table.clone()
        loud[0] = 100.0
        loss = self.loss()
        expect_close(loss(states, loud, targets), loss(states, table, targets), "the same loss whatever stands in row 0")
        leaf = loud.requires_grad_()
        _descend(loss(states, leaf, targets))
        expect(leaf.grad is not None, "a gradient of the item table", "none")
        assert leaf.grad is not None
        expect(not leaf.grad[0].any(), "no gradient of row 0", leaf.grad[0].tolist())

    def test_ignores_the_order_of_rows(self) -> None:
        """Ignores the order of rows."""
        num_items, targets = (2, [1, 2, 2, 1, 1, 2]) if self.draws_by_row else (8, [1, 2, 8, 4, 4, 6])
        states, table, of = normal(6, 4), normal(num_items + 1, 4, seed=1), torch.tensor(targets)
        order = torch.tensor([3, 5, 0, 1, 4, 2])
        loss = self.loss()
        expect_close(loss(states[order], table, of[order]), loss(states, table, of), "the same loss of rows in another order")

    def test_is_finite_for_logits_of_ten_thousand(self) -> None:
        """Is finite, with its gradient, for products of ten thousand."""
        states = torch.tensor([[100.0, 0.0], [-100.0, 0.0]]).requires_grad_()
        table = torch.tensor([[0.0, 0.0], [100.0, 0.0], [-100.0, 0.0]])
        value = self.loss()(states, table, torch.tensor([2, 2]))
        _descend(value)
        expect(value.isfinite(), "a finite number", value.item())
        _expect_finite_gradient(states)

    def test_takes_a_batch_of_one(self) -> None:
        """Takes a batch of one."""
        value = self.loss()(normal(1, 4), normal(9, 4, seed=1), torch.tensor([3]))
        expect(value.isfinite(), "a finite number", value.item())


class ContrastiveLossContract:
    """Suite of a loss called as `(anchor [B, d], positive [B, d])`."""

    def loss(self) -> ContrastiveLoss:
        """The loss under test."""
        raise NotImplementedError("give the loss under test")

    def test_is_one_finite_number(self) -> None:
        """Is one finite number."""
        _expect_number(self.loss()(normal(5, 4), normal(5, 4, seed=1)))

    def test_reaches_both_sides_with_its_gradient(self) -> None:
        """Reaches every row of both sides with its gradient."""
        anchor, positive = normal(5, 4).requires_grad_(), normal(5, 4, seed=1).requires_grad_()
        _descend(self.loss()(anchor, positive))
        for side, name in ((anchor, "anchors"), (positive, "positives")):
            _expect_reached(side, list(range(5)), f"5 {name}")

    def test_ignores_the_order_of_rows(self) -> None:
        """Ignores the order of rows."""
        anchor, positive, order = normal(5, 4), normal(5, 4, seed=1), torch.tensor([3, 0, 4, 1, 2])
        loss = self.loss()
        expect_close(loss(anchor[order], positive[order]), loss(anchor, positive), "the same loss of rows in another order")

    def test_is_lower_for_true_partners_than_for_swapped_ones(self) -> None:
        """Is lower for true partners than for swapped ones."""
        rows = 3 * torch.eye(4)
        loss = self.loss()
        true, swapped = loss(rows, rows), loss(rows, rows.roll(1, dims=0))
        expect(true < swapped, "less for true partners", f"{true.item():.6g}, and {swapped.item():.6g} for swapped ones")

    def test_is_finite_for_logits_of_ten_thousand(self) -> None:
        """Is finite, with its gradient, for products of ten thousand."""
        anchor = torch.tensor([[100.0, 0.0], [0.0, 100.0]]).requires_grad_()
        positive = torch.tensor([[-100.0, 0.0], [0.0, 100.0]])
        value = self.loss()(anchor, positive)
        _descend(value)
        expect(value.isfinite(), "a finite number", value.item())
        _expect_finite_gradient(anchor)

    def test_is_zero_for_a_batch_of_one(self) -> None:
        """Is zero for a batch of one, which has nobody to be told from."""
        anchor = normal(1, 4).requires_grad_()
        value = self.loss()(anchor, normal(1, 4, seed=1))
        _descend(value)
        expect(value.item() == 0.0, "0", value.item())
        _expect_finite_gradient(anchor)

    def test_raises_half_precision(self) -> None:
        """Computes in float32 what comes in bfloat16."""
        value = self.loss()(normal(5, 4).bfloat16(), normal(5, 4, seed=1).bfloat16())
        expect(value.dtype == torch.float32, "float32", spoken(value.dtype))

    def test_refuses_sides_of_different_shape(self) -> None:
        """Refuses sides of different shape."""
        with refusal(ValueError, r"\[5, 4\].*\[4, 4\]", "a ValueError that names both shapes, [5, 4] and [4, 4]"):
            self.loss()(normal(5, 4), normal(4, 4))


class LabelledContrastiveLossContract(ContrastiveLossContract):
    """Suite of a loss that also takes `labels [B]`."""

    def test_labels_that_all_differ_change_nothing(self) -> None:
        """Labels that all differ change nothing."""
        anchor, positive = normal(5, 4), normal(5, 4, seed=1)
        loss = self.loss()
        with_labels, without = loss(anchor, positive, torch.tensor([9, 2, 7, 1, 5])), loss(anchor, positive)
        expect(with_labels == without, f"{without.item():.9g}, as without labels", f"{with_labels.item():.9g}")

    def test_is_zero_and_teaches_nothing_where_all_labels_are_equal(self) -> None:
        """Is zero and teaches nothing where all labels are equal."""
        anchor, positive = normal(5, 4).requires_grad_(), normal(5, 4, seed=1).requires_grad_()
        value = self.loss()(anchor, positive, torch.full((5,), 3))
        _descend(value)
        expect(value.item() == 0.0, "0", value.item())
        for side in (anchor, positive):
            expect(side.grad is not None and not side.grad.any(), "a gradient of zeros", side.grad)

    def test_fewer_negatives_cost_less(self) -> None:
        """Fewer negatives cost less."""
        anchor, positive = normal(5, 4), normal(5, 4, seed=1)
        pair, triple = torch.tensor([1, 2, 3, 4, 1]), torch.tensor([1, 2, 1, 4, 1])
        loss = self.loss()
        costs = [loss(anchor, positive, triple), loss(anchor, positive, pair), loss(anchor, positive)]
        came = ", ".join(f"{cost.item():.6g}" for cost in costs)
        expect(costs[0] < costs[1] < costs[2], "a rising loss where three, two and none have the same label", came)

    def test_labels_go_with_their_rows(self) -> None:
        """Labels go with their rows."""
        anchor, positive, labels, order = normal(5, 4), normal(5, 4, seed=1), torch.tensor([1, 2, 1, 4, 2]), torch.tensor([3, 0, 4, 1, 2])
        loss = self.loss()
        turned = loss(anchor[order], positive[order], labels[order])
        expect_close(turned, loss(anchor, positive, labels), "the same loss of rows and labels in another order")

    def test_refuses_labels_that_are_not_one_a_row(self) -> None:
        """Refuses labels that are not one a row."""
        with refusal(ValueError, r"\[4\].*\[5, 4\]", "a ValueError that names both shapes, [4] and [5, 4]"):
            self.loss()(normal(5, 4), normal(5, 4, seed=1), torch.arange(4))
