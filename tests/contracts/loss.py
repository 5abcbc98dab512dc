"""What every loss must satisfy: subclass the suite of its kind and give a `loss` fixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import ContrastiveLoss, RankingLoss


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    """Reproducible normal draws that leave the global generator alone."""
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class RankingLossContract:
    """Suite of a loss called as `(states [N, d], item_table [V + 1, d], targets [N])`."""

    @pytest.fixture
    def loss(self) -> RankingLoss:
        raise NotImplementedError("give the loss under test")

    def test_is_one_finite_number(self, loss: RankingLoss) -> None:
        value = loss(normal(6, 4), normal(9, 4, seed=1), torch.tensor([1, 2, 8, 4, 4, 6]))
        assert value.shape == ()
        assert value.isfinite()

    def test_reaches_states_and_items_with_its_gradient(self, loss: RankingLoss) -> None:
        states, table = normal(6, 4).requires_grad_(), normal(9, 4, seed=1).requires_grad_()
        torch.autograd.backward(loss(states, table, torch.tensor([1, 2, 8, 4, 4, 6])))
        assert states.grad is not None
        assert table.grad is not None
        assert bool((states.grad.norm(dim=1) > 0).all())
        assert bool((table.grad[[1, 2, 8, 4, 6]].norm(dim=1) > 0).all())  # the targets, whatever else takes part

    def test_never_counts_padding_as_a_class(self, loss: RankingLoss) -> None:
        states, targets = normal(6, 4), torch.tensor([1, 2, 8, 4, 4, 6])
        table = normal(9, 4, seed=1)
        loud = table.clone()
        loud[0] = 100.0
        torch.testing.assert_close(loss(states, loud, targets), loss(states, table, targets))
        leaf = loud.requires_grad_()
        torch.autograd.backward(loss(states, leaf, targets))
        assert leaf.grad is not None
        assert not leaf.grad[0].any()

    def test_ignores_the_order_of_rows(self, loss: RankingLoss) -> None:
        states, table, targets = normal(6, 4), normal(9, 4, seed=1), torch.tensor([1, 2, 8, 4, 4, 6])
        order = torch.tensor([3, 5, 0, 1, 4, 2])
        torch.testing.assert_close(loss(states[order], table, targets[order]), loss(states, table, targets))

    def test_is_finite_for_logits_of_ten_thousand(self, loss: RankingLoss) -> None:
        states = torch.tensor([[100.0, 0.0], [-100.0, 0.0]]).requires_grad_()
        table = torch.tensor([[0.0, 0.0], [100.0, 0.0], [-100.0, 0.0]])
        value = loss(states, table, torch.tensor([2, 2]))
        torch.autograd.backward(value)
        assert value.isfinite()
        assert states.grad is not None
        assert bool(states.grad.isfinite().all())

    def test_takes_a_batch_of_one(self, loss: RankingLoss) -> None:
        assert loss(normal(1, 4), normal(9, 4, seed=1), torch.tensor([3])).isfinite()


class ContrastiveLossContract:
    """Suite of a loss called as `(anchor [B, d], positive [B, d])`."""

    @pytest.fixture
    def loss(self) -> ContrastiveLoss:
        raise NotImplementedError("give the loss under test")

    def test_is_one_finite_number(self, loss: ContrastiveLoss) -> None:
        value = loss(normal(5, 4), normal(5, 4, seed=1))
        assert value.shape == ()
        assert value.isfinite()

    def test_reaches_both_sides_with_its_gradient(self, loss: ContrastiveLoss) -> None:
        anchor, positive = normal(5, 4).requires_grad_(), normal(5, 4, seed=1).requires_grad_()
        torch.autograd.backward(loss(anchor, positive))
        for side in (anchor, positive):
            assert side.grad is not None
            assert bool((side.grad.norm(dim=1) > 0).all())

    def test_ignores_the_order_of_rows(self, loss: ContrastiveLoss) -> None:
        anchor, positive, order = normal(5, 4), normal(5, 4, seed=1), torch.tensor([3, 0, 4, 1, 2])
        torch.testing.assert_close(loss(anchor[order], positive[order]), loss(anchor, positive))

    def test_is_lower_for_true_partners_than_for_swapped_ones(self, loss: ContrastiveLoss) -> None:
        rows = 3 * torch.eye(4)
        assert loss(rows, rows) < loss(rows, rows.roll(1, dims=0))

    def test_is_finite_for_logits_of_ten_thousand(self, loss: ContrastiveLoss) -> None:
        anchor = torch.tensor([[100.0, 0.0], [0.0, 100.0]]).requires_grad_()
        positive = torch.tensor([[-100.0, 0.0], [0.0, 100.0]])
        value = loss(anchor, positive)
        torch.autograd.backward(value)
        assert value.isfinite()
        assert anchor.grad is not None
        assert bool(anchor.grad.isfinite().all())

    def test_is_zero_for_a_batch_of_one(self, loss: ContrastiveLoss) -> None:
        anchor = normal(1, 4).requires_grad_()
        value = loss(anchor, normal(1, 4, seed=1))
        torch.autograd.backward(value)
        assert value.item() == 0.0
        assert anchor.grad is not None
        assert bool(anchor.grad.isfinite().all())

    def test_raises_half_precision(self, loss: ContrastiveLoss) -> None:
        value = loss(normal(5, 4).bfloat16(), normal(5, 4, seed=1).bfloat16())
        assert value.dtype == torch.float32

    def test_refuses_sides_of_different_shape(self, loss: ContrastiveLoss) -> None:
        with pytest.raises(ValueError, match=r"\[5, 4\].*\[4, 4\]"):
            loss(normal(5, 4), normal(4, 4))


class LabelledContrastiveLossContract(ContrastiveLossContract):
    """Suite of a loss that also takes `labels [B]`."""

    def test_labels_that_all_differ_change_nothing(self, loss: ContrastiveLoss) -> None:
        anchor, positive = normal(5, 4), normal(5, 4, seed=1)
        assert loss(anchor, positive, torch.tensor([9, 2, 7, 1, 5])) == loss(anchor, positive)

    def test_is_zero_and_teaches_nothing_where_all_labels_are_equal(self, loss: ContrastiveLoss) -> None:
        anchor, positive = normal(5, 4).requires_grad_(), normal(5, 4, seed=1).requires_grad_()
        value = loss(anchor, positive, torch.full((5,), 3))
        torch.autograd.backward(value)
        assert value.item() == 0.0
        for side in (anchor, positive):
            assert side.grad is not None
            assert not side.grad.any()

    def test_fewer_negatives_cost_less(self, loss: ContrastiveLoss) -> None:
        anchor, positive = normal(5, 4), normal(5, 4, seed=1)
        pair, triple = torch.tensor([1, 2, 3, 4, 1]), torch.tensor([1, 2, 1, 4, 1])
        assert loss(anchor, positive, triple) < loss(anchor, positive, pair) < loss(anchor, positive)

    def test_labels_go_with_their_rows(self, loss: ContrastiveLoss) -> None:
        anchor, positive, labels, order = normal(5, 4), normal(5, 4, seed=1), torch.tensor([1, 2, 1, 4, 2]), torch.tensor([3, 0, 4, 1, 2])
        torch.testing.assert_close(loss(anchor[order], positive[order], labels[order]), loss(anchor, positive, labels))

    def test_refuses_labels_that_are_not_one_a_row(self, loss: ContrastiveLoss) -> None:
        with pytest.raises(ValueError, match=r"\[4\].*\[5, 4\]"):
            loss(normal(5, 4), normal(5, 4, seed=1), torch.arange(4))
