"""Torch's Adam and AdamW for who never compiles.

Several methods of torch's optimizers begin by loading torch's compiler, only to tell it to keep out: 800 modules and two seconds of
every process that trains. Here they are as torch wrote them before that, so that every figure is the same to the last bit.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch


class _Eager(torch.optim.Optimizer):
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)


class EagerAdam(_Eager, torch.optim.Adam):
    """`torch.optim.Adam`, with its state."""

    step: Any = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class EagerAdamW(_Eager, torch.optim.AdamW):
    """`torch.optim.AdamW`, with its state."""

    step: Any = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))
