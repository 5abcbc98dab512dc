from __future__ import annotations

import torch

from sracl.optimizers.adam import Adam


def test_the_first_step_has_the_length_of_the_learning_rate() -> None:
    # Bias-corrected means are g and g², so the first step is lr · g / (|g| + eps), here 0.1 against the sign.
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = Adam(lr=0.1)([parameter])
    parameter.grad = torch.tensor([0.5, -40.0])
    optimizer.step()
    torch.testing.assert_close(parameter.data, torch.tensor([0.9, -1.9]))


def test_weight_decay_acts_through_the_gradient() -> None:
    # Without a gradient the penalty is one: it has the parameter's sign, and the step is again lr long.
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = Adam(lr=0.1, weight_decay=0.01)([parameter])
    parameter.grad = torch.zeros(2)
    optimizer.step()
    torch.testing.assert_close(parameter.data, torch.tensor([0.9, -1.9]), atol=1e-5, rtol=0)


def test_parameters_reach_the_optimizer() -> None:
    group = Adam(lr=0.5, betas=(0.1, 0.2), eps=1e-3, weight_decay=0.3)([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (0.5, (0.1, 0.2), 1e-3, 0.3)
