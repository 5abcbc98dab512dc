from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from sracl.contracts.loss import RankingLossContract, normal
from sracl.losses.binary_cross_entropy import BinaryCrossEntropy

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import RankingLoss


def binary(num_negatives: int = 1, seed: int = 0) -> BinaryCrossEntropy:
    return BinaryCrossEntropy(torch.Generator().manual_seed(seed), num_negatives=num_negatives)


class TestBinaryCrossEntropy(RankingLossContract):
    draws_by_row = True

    def loss(self) -> RankingLoss:
        def fresh(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
            return binary(5)(states, item_table, targets)  # the same draws at each call

        return fresh


def test_one_negative_by_hand() -> None:
    # Of V = 2 items the other is the negative: logits 2 and 1, log(1 + e^-2) + log(1 + e) = .126928 + 1.313262 = 1.440190
    state, table = torch.tensor([[1.0, 0.0]]), torch.tensor([[9.0, 9.0], [1.0, 5.0], [2.0, 0.0]])
    assert binary()(state, table, torch.tensor([2])).item() == pytest.approx(1.440190, abs=1e-6)
    # and the other way round: log(1 + e^-1) + log(1 + e²) = .313262 + 2.126928
    assert binary()(state, table, torch.tensor([1])).item() == pytest.approx(2.440190, abs=1e-6)


def test_several_negatives_count_as_one() -> None:
    # K draws of V = 2 are all the same item, whose mean is itself
    state, table = torch.tensor([[1.0, 0.0]]), torch.tensor([[9.0, 9.0], [1.0, 5.0], [2.0, 0.0]])
    assert binary(7)(state, table, torch.tensor([2])).item() == pytest.approx(1.440190, abs=1e-6)


def test_a_fresh_model_costs_twice_the_log_of_two() -> None:
    value = binary(3)(torch.zeros(4, 2), normal(9, 2), torch.tensor([1, 2, 8, 4]))
    assert value.item() == pytest.approx(2 * math.log(2), abs=1e-6)  # 1.386294


def negatives(num_items: int, target: int, draws: int, num_negatives: int = 1) -> Tensor:
    """How often each item was drawn, int64 [V + 1], told from the gradient: each of V items has an axis of its own."""
    table = torch.cat([torch.zeros(1, num_items), torch.eye(num_items)]).requires_grad_()
    states = torch.ones(draws, num_items)
    torch.autograd.backward(binary(num_negatives)(states, table, torch.full((draws,), target)))
    assert table.grad is not None
    # every logit is 1, so each draw moves its row by σ(1) / (K · N)
    return (table.grad[:, 0] * num_negatives * draws / torch.sigmoid(torch.tensor(1.0))).round().long()


@pytest.mark.parametrize("target", [1, 3, 5])
def test_negatives_are_every_item_but_the_target_alike(target: int) -> None:
    counts = negatives(5, target, draws=20_000)
    assert counts[0] == 0  # padding
    assert counts[target] < 0  # pulled, by σ(1) - 1, and never pushed
    others = [item for item in range(1, 6) if item != target]
    assert sum(counts[item].item() for item in others) == pytest.approx(20_000, abs=5)
    # a quarter each: standard deviation (20000 · 1/4 · 3/4)^½ = 61; four of them
    assert all(abs(counts[item].item() - 5_000) < 4 * 61 for item in others)


def test_negatives_are_drawn_anew_at_each_call() -> None:
    loss, states, table, targets = binary(), normal(40, 4), normal(99, 4, seed=1), torch.arange(1, 41)
    assert loss(states, table, targets) != loss(states, table, targets)
    assert binary(seed=3)(states, table, targets) == binary(seed=3)(states, table, targets)


def test_raises_half_precision_to_float32() -> None:
    assert binary()(normal(2, 4).bfloat16(), normal(9, 4).bfloat16(), torch.tensor([1, 8])).dtype == torch.float32


def test_gradient_is_the_derivative() -> None:
    leaves = normal(3, 4).double().requires_grad_(), normal(9, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: binary(5)(s, t, torch.tensor([1, 4, 2])), leaves)
