from __future__ import annotations

import torch

from sracl.optimizers.adamw import AdamW


def test_weight_decay_shrinks_the_parameter_itself() -> None:
    # Without a gradient nothing but the decay acts: p · (1 - lr · decay) = p · .999.
    parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    optimizer = AdamW(lr=0.1, weight_decay=0.01)([parameter])
    parameter.grad = torch.zeros(2)
    optimizer.step()
    torch.testing.assert_close(parameter.data, torch.tensor([0.999, -1.998]))


def test_parameters_reach_the_optimizer() -> None:
    group = AdamW(lr=0.5, betas=(0.1, 0.2), eps=1e-3, weight_decay=0.3)([torch.nn.Parameter(torch.zeros(1))]).param_groups[0]
    assert (group["lr"], group["betas"], group["eps"], group["weight_decay"]) == (0.5, (0.1, 0.2), 1e-3, 0.3)
