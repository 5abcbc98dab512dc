from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.engine import checkpoint
from sracl.optimizers.adam import Adam

if TYPE_CHECKING:
    from pathlib import Path


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


def test_goes_on_from_a_checkpoint_to_the_bit(tmp_path: Path) -> None:
    whole, begun, resumed = (torch.nn.Parameter(torch.linspace(-1, 1, 30)) for _ in range(3))
    grads = torch.randn(6, 30, generator=torch.Generator().manual_seed(0))

    def train(parameter: torch.nn.Parameter, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            parameter.grad = grads[step].clone()
            optimizer.step()

    train(whole, Adam()([whole]), range(6))
    first = Adam()([begun])
    train(begun, first, range(3))
    state = first.state_dict()
    checkpoint.write(tmp_path / "state.safetensors", state["state"][0], {"groups": state["param_groups"]})
    tensors, facts = checkpoint.read(tmp_path / "state.safetensors")
    second = Adam()([resumed])
    second.load_state_dict({"state": {0: tensors}, "param_groups": facts["groups"]})
    resumed.data.copy_(begun.data)
    train(resumed, second, range(3, 6))
    assert torch.equal(resumed.data, whole.data)
