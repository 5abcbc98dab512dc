from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
import torch

from sracl.optimizers.eager import EagerAdam, EagerAdamW

USE = """
import sys, torch
from sracl.optimizers.adam import Adam
from sracl.optimizers.adamw import AdamW
from sracl.optimizers.lazy_adam import LazyAdam

for kind in (Adam, AdamW, LazyAdam):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = kind()([weight])
    weight.sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""


def test_torchs_compiler_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(("ours", "theirs"), [(EagerAdam, torch.optim.Adam), (EagerAdamW, torch.optim.AdamW)])
def test_steps_are_torchs_to_the_last_bit_and_so_is_the_state(
    ours: Callable[..., torch.optim.Optimizer], theirs: Callable[..., torch.optim.Optimizer]
) -> None:
    weights = [torch.nn.Parameter(torch.linspace(-1, 1, 7)) for _ in range(2)]
    optimizers = [make([weight], lr=0.1, weight_decay=0.3, fused=True) for make, weight in zip((ours, theirs), weights, strict=True)]
    for step in range(5):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            optimizer.zero_grad()
            (weight * torch.arange(7.0) ** step).square().sum().backward()
            optimizer.step()
    assert torch.equal(weights[0], weights[1])
    ours_state, theirs_state = (optimizer.state_dict() for optimizer in optimizers)
    assert ours_state["param_groups"] == theirs_state["param_groups"]
    assert all(torch.equal(ours_state["state"][0][name], value) for name, value in theirs_state["state"][0].items())


def test_hooks_are_called() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer, told = EagerAdam([weight]), []
    optimizer.register_step_post_hook(lambda *_: told.append("stepped"))
    weight.grad = torch.ones(2)
    optimizer.step()
    assert told == ["stepped"]
