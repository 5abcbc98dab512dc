"""Dropout from threshold comparisons: the right share, the right scale, the same mask on the way back."""

from __future__ import annotations

import pytest
import torch

from sracl.backbones.dropout import Dropout, random_mask


@pytest.mark.parametrize("keep", [0.5, 0.75, 0.9, 0.3, 1 / 256])
def test_keeps_the_share_asked_for(keep: float) -> None:
    torch.manual_seed(0)
    count = 1_000_000
    share = random_mask(torch.Size([count]), keep, torch.device("cpu")).float().mean().item()
    # 5 standard deviations of a mean of a million draws, and the resolution of two bytes
    assert abs(share - keep) < 5 * (keep * (1 - keep) / count) ** 0.5 + 1 / 131072


def test_scales_what_it_keeps_and_uses_one_mask_for_value_and_gradient() -> None:
    torch.manual_seed(0)
    x = torch.ones(3, 1001, requires_grad=True)
    y = Dropout(0.2)(x)
    y.sum().backward()
    assert set(y.unique().tolist()) == {0.0, 1.25}
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())


def test_is_the_identity_outside_training_and_at_zero() -> None:
    x = torch.randn(4, 4)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        Dropout(1.0)


def test_adding_to_a_residual_is_dropout_and_addition() -> None:
    x, residual = torch.randn(50, 7, requires_grad=True), torch.randn(50, 7, requires_grad=True)
    dropout = Dropout(0.3)
    results = []
    for add in (dropout.add, lambda x, residual: residual + dropout(x)):
        torch.manual_seed(0)
        y = add(x, residual)
        results.append((y.detach(), *torch.autograd.grad(y.square().sum(), (x, residual))))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
    assert torch.equal(dropout.eval().add(x, residual), residual + x)


def test_a_probability_too_small_to_be_drawn_drops_nothing_rather_than_everything() -> None:
    assert Dropout(1e-6)(torch.ones(1000)).count_nonzero() > 990
