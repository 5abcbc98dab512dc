from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sracl.contracts.loss import normal
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.contrastive_regularisation import contrastive_regularisation


def as_defined(anchor: Tensor, positive: Tensor) -> Tensor:
    """R row by row, both bounds written out."""
    stacked = torch.cat([anchor, positive])
    products, size = stacked @ stacked.T, len(stacked)
    drops, gaps = [], []
    for row in range(size):
        partner = (row + len(anchor)) % size
        others = torch.stack([products[row, other] for other in range(size) if other not in (row, partner)])
        low, high = torch.minimum(products[row, partner], others.max()), torch.maximum(products[row, partner], others.max())
        drops.append((products[row, partner] - low).clamp(min=0))
        gaps.append((high - others).clamp(min=0).mean())
    return torch.stack(drops).mean() + torch.stack(gaps).mean()


@pytest.mark.parametrize(
    ("anchor", "positive", "expected"),
    [
        # Products of (a1, a2, b1, b2): rows (1,0,1,0), (0,4,2,2), (1,2,2,1), (0,2,1,1), so π = (1,2,1,2) and ν = (0,2,2,1).
        # Drops 1, 0, 0, 1: mean .5. Bounds above 1, 2, 2, 2; gaps (1,1), (2,0), (0,1), (2,1): mean 1.
        ([[1.0, 0.0], [0.0, 2.0]], [[1.0, 1.0], [0.0, 1.0]], 1.5),
        # π = (.6,2,.6,2), others (0,0), (0,1.6), (1.6,.8), (0,.8).
        # Drops .6, .4, 0, 1.2: mean .55. Gaps (.6,.6), (2,.4), (0,.8), (2,1.2): mean .95.
        ([[1.0, 0.0], [0.0, 2.0]], [[0.6, 0.8], [0.0, 1.0]], 1.5),
        # π = (3,1,3,1), others (4,4), (4,0), (0,0), (4,0). Drops 0, 0, 3, 0: mean .75. Gaps (0,0), (0,4), (3,3), (0,4): mean 1.75.
        ([[3.0, 4.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], 2.5),
    ],
)
def test_two_pairs_by_hand(anchor: list[list[float]], positive: list[list[float]], expected: float) -> None:
    value = contrastive_regularisation(torch.tensor(anchor), torch.tensor(positive))
    torch.testing.assert_close(value, torch.tensor(expected), atol=1e-6, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_value_and_gradient_are_those_of_the_definition(seed: int) -> None:
    gradients = []
    for function in (contrastive_regularisation, as_defined):
        sides = normal(6, 4, seed=seed).double().requires_grad_(), normal(6, 4, seed=seed + 50).double().requires_grad_()
        value = function(*sides)
        torch.autograd.backward(value)
        gradients.append((value.detach(), *(side.grad for side in sides)))
    for ours, theirs in zip(*gradients, strict=True):
        assert ours is not None and theirs is not None
        torch.testing.assert_close(ours, theirs)


def test_gradient_flows_through_both_bounds() -> None:
    # a numerical derivative moves the bounds too
    sides = normal(4, 3).double().requires_grad_(), normal(4, 3, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(contrastive_regularisation, sides)


def test_is_zero_where_nothing_stands_out() -> None:
    # all products are equal
    assert contrastive_regularisation(torch.ones(4, 3), torch.ones(4, 3)).item() == pytest.approx(0, abs=1e-5)
    # all products of two different rows are 0, partners included
    assert contrastive_regularisation(torch.eye(3), torch.zeros(3, 3)).item() == 0


def test_grows_as_the_contrast_becomes_easy() -> None:
    axes = torch.eye(4)
    penalties = [contrastive_regularisation(scale * axes, scale * axes).item() for scale in (0.5, 1.0, 2.0)]
    losses = [nt_xent(scale * axes, scale * axes).item() for scale in (0.5, 1.0, 2.0)]
    # π = s², all others 0: s² + s²
    assert penalties == pytest.approx([0.5, 2.0, 8.0])
    assert losses == sorted(losses, reverse=True)


def test_neither_the_order_of_rows_nor_of_sides_matters() -> None:
    anchor, positive, order = normal(5, 4), normal(5, 4, seed=1), torch.tensor([3, 0, 4, 1, 2])
    value = contrastive_regularisation(anchor, positive)
    torch.testing.assert_close(contrastive_regularisation(positive, anchor), value)
    torch.testing.assert_close(contrastive_regularisation(anchor[order], positive[order]), value)


def test_a_batch_of_one_has_no_others() -> None:
    anchor = normal(1, 4).requires_grad_()
    value = contrastive_regularisation(anchor, normal(1, 4, seed=1))
    torch.autograd.backward(value)
    assert value.item() == 0
    assert anchor.grad is not None
    assert not anchor.grad.any()


def test_refuses_sides_of_different_shape_and_raises_half_precision() -> None:
    with pytest.raises(ValueError, match=r"\[5, 4\].*\[4, 4\]"):
        contrastive_regularisation(normal(5, 4), normal(4, 4))
    assert contrastive_regularisation(normal(5, 4).bfloat16(), normal(5, 4).bfloat16()).dtype == torch.float32
