from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch

from sracl.losses.cross_entropy import cross_entropy
from tests.contracts.loss import RankingLossContract, normal

if TYPE_CHECKING:
    from sracl.interfaces import RankingLoss


class TestCrossEntropy(RankingLossContract):
    @pytest.fixture
    def loss(self) -> RankingLoss:
        return cross_entropy


@pytest.mark.parametrize(("target", "expected"), [(1, 0.407606), (2, 1.407606), (3, 2.407606)])
def test_three_items_in_a_plane(target: int, expected: float) -> None:
    # Logits 1, 0, -1: log(e + 1 + 1/e) = 1.407606, less the logit of the target.
    state = torch.tensor([[1.0, 0.0]])
    table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    torch.testing.assert_close(cross_entropy(state, table, torch.tensor([target])), torch.tensor(expected), atol=1e-5, rtol=0)


def test_padding_of_large_norm_is_no_class() -> None:
    # Logits of items 1..3: 1, 2, 3, so log(e + e² + e³) - 2 = 1.407606; with the padding (9, 9) as a class it would be 25.
    table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    value = cross_entropy(torch.tensor([[1.0, 2.0]]), table, torch.tensor([2]))
    torch.testing.assert_close(value, torch.tensor(1.407606), atol=1e-5, rtol=0)


def test_zero_states_cost_the_log_of_the_catalogue() -> None:
    value = cross_entropy(torch.zeros(3, 4), normal(8, 4), torch.tensor([1, 4, 7]))
    torch.testing.assert_close(value, torch.tensor(math.log(7)))


def test_is_the_mean_over_rows() -> None:
    states, table, targets = normal(5, 4), normal(9, 4, seed=1), torch.tensor([1, 8, 3, 3, 2])
    singly = torch.stack([cross_entropy(states[i : i + 1], table, targets[i : i + 1]) for i in range(5)])
    torch.testing.assert_close(cross_entropy(states, table, targets), singly.mean())


def test_raises_half_precision_to_float32() -> None:
    value = cross_entropy(normal(5, 4).bfloat16(), normal(9, 4, seed=1).bfloat16(), torch.tensor([1, 8, 3, 3, 2]))
    assert value.dtype == torch.float32


@pytest.mark.parametrize("target", [0, 9])
def test_refuses_a_target_that_is_no_item(target: int) -> None:
    with pytest.raises(IndexError):
        cross_entropy(normal(1, 4), normal(9, 4), torch.tensor([target]))


def test_gradient_is_the_derivative() -> None:
    states, table = normal(3, 4).double().requires_grad_(), normal(5, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, t: cross_entropy(s, t, torch.tensor([1, 4, 2])), (states, table))
