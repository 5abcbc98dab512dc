from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from sracl.contracts.loss import RankingLossContract, normal
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.sampled_softmax import SampledSoftmax

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import RankingLoss


def sampled(num_negatives: int, seed: int = 0, *, sparse_gradients: bool = False) -> SampledSoftmax:
    return SampledSoftmax(torch.Generator().manual_seed(seed), num_negatives=num_negatives, sparse_gradients=sparse_gradients)


class TestSampledSoftmax(RankingLossContract):
    def loss(self) -> RankingLoss:
        def fresh(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
            return sampled(5)(states, item_table, targets)  # the same negatives at each call

        return fresh


def test_one_negative_stands_for_all_items() -> None:
    # Logits of the target 0 and of the other item 1: with K = 1 of V = 2 the other counts twice, log(1 + 2e) = 1.861995,
    # and when the target itself is drawn nothing is left but the target: 0. The one part of the catalogue is all of it.
    state, table = torch.tensor([[1.0, 0.0]]), torch.tensor([[9.0, 9.0], [0.0, 1.0], [1.0, 0.0]])
    loss = sampled(1)
    values = {round(loss(state, table, torch.tensor([1])).item(), 4) for _ in range(20)}
    assert values == {round(math.log(1 + 2 * math.e), 4), 0.0}


def test_all_items_as_negatives_are_the_full_softmax() -> None:
    states, table, targets = normal(6, 4), normal(9, 4, seed=1), torch.tensor([1, 2, 8, 4, 4, 6])
    torch.testing.assert_close(sampled(8)(states, table, targets), cross_entropy(states, table, targets))


def test_the_sum_within_the_logarithm_is_unbiased() -> None:
    # exp(l_n) = Z̃ / exp(own) with E[Z̃] = Z, so the mean of exp(l_n) over draws is exp of the full loss, row by row.
    state, table, target = normal(1, 4), normal(51, 4, seed=1), torch.tensor([7])
    loss = sampled(8)
    ratios = torch.stack([loss(state, table, target) for _ in range(4000)]).double().exp()
    standard_error = ratios.std().item() / math.sqrt(len(ratios))
    assert abs(ratios.mean().item() - cross_entropy(state, table, target).exp().item()) < 4 * standard_error


def test_approaches_the_full_loss_from_below() -> None:
    states, table, targets = normal(64, 8), normal(2001, 8, seed=1), torch.arange(1, 1281, 20)
    full = cross_entropy(states, table, targets).item()
    short = [full - sum(sampled(k, seed)(states, table, targets).item() for seed in range(100)) / 100 for k in (10, 100, 1000)]
    assert short[0] > short[1] > short[2] > 0
    assert short[2] < 0.1 * short[0]  # 1/100 where logits are small; these have a standard deviation of √8


def test_draws_every_item_alike_and_anew() -> None:
    loss = sampled(7)
    draws = torch.stack([loss._draw(10) for _ in range(5000)])
    assert not torch.equal(draws[0], draws[1])
    # each item is expected 7/10 times a draw, at most once or twice: standard deviation of the mean below √(1/5000) = .014
    rate = draws.flatten().bincount(minlength=11)[1:] / len(draws)
    assert len(rate) == 10
    torch.testing.assert_close(rate, torch.full((10,), 0.7), atol=5 * 0.014, rtol=0)


def test_sparse_gradients_are_the_dense_ones() -> None:
    states, targets = normal(6, 4), torch.tensor([1, 2, 8, 4, 4, 6])
    grads = []
    for sparse in (False, True):
        table = normal(100, 4, seed=1).requires_grad_()
        torch.autograd.backward(sampled(5, sparse_gradients=sparse)(states, table, targets))
        assert table.grad is not None
        assert table.grad.is_sparse == sparse
        grads.append(table.grad.to_dense())
    torch.testing.assert_close(*grads)


def test_raises_half_precision_to_float32() -> None:
    assert sampled(5)(normal(2, 4).bfloat16(), normal(9, 4).bfloat16(), torch.tensor([1, 8])).dtype == torch.float32


@pytest.mark.parametrize("target", [0, 9])
def test_refuses_a_target_that_is_no_item(target: int) -> None:
    with pytest.raises(IndexError, match="items 1..8"):
        sampled(5)(normal(1, 4), normal(9, 4), torch.tensor([target]))


def test_gradient_is_the_derivative() -> None:
    leaves = normal(3, 4).double().requires_grad_(), normal(9, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: sampled(5)(s, t, torch.tensor([1, 4, 2])), leaves)


def test_a_sparse_gradient_of_part_of_a_table_is_refused() -> None:
    table = torch.zeros(5, 2, requires_grad=True)
    loss = SampledSoftmax(torch.Generator(), num_negatives=2, sparse_gradients=True)
    with pytest.raises(ValueError, match="sparse gradient"):
        loss(torch.zeros(1, 2), table[:4], torch.tensor([1]))
