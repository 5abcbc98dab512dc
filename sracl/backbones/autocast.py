"""Autocast and operations with derivatives of their own.

Autocast picks a type for one operation of torch at a time. Within a function that writes into buffers of its own that is of
no use: such a function is to it what a matrix product is, cast on the way in and left alone inside.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


def as_one_product(forward: Callable[..., Any]) -> Callable[..., Any]:
    """For `forward(ctx, tensor, …)` of an autograd function: under autocast its float tensors have the type of matrix products.

    Gradients come back in that type, and autograd casts them to that of what was passed in. As `torch.amp.custom_fwd`, which
    would have to name a device.
    """

    @functools.wraps(forward)
    def cast(ctx: Any, first: Tensor, *others: Any) -> Any:
        device = first.device.type
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return forward(ctx, first, *others)
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            return forward(ctx, *(_lowered(argument, dtype) for argument in (first, *others)))

    return cast


def _lowered(argument: Any, dtype: torch.dtype) -> Any:
    return argument.to(dtype) if isinstance(argument, Tensor) and argument.is_floating_point() else argument
