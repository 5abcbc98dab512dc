"""The loss of predicting the next item among all items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor


def cross_entropy(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of the full softmax over items 1..V; padding is no class.

        l_n = log Σ_{j=1..V} exp(h_n · E_j) - h_n · E_{t_n}

    No bias, temperature or smoothing. Half precision is raised to float32 before the logits are taken.

    Args:
        states: h, float [N, d].
        item_table: E, float [V + 1, d]; row 0 is padding and takes no part.
        targets: t, int64 [N], ids in 1..V.

    Returns:
        Mean of l_n, scalar, in nats; about log V for a fresh model.

    Raises:
        IndexError: On a CPU, a target is 0 or above V.

    Source: Cui et al. 2025, SRA-CL, equation 3.
    """
    dtype = torch.promote_types(states.dtype, torch.float32)
    logits = states.to(dtype) @ item_table[1:].to(dtype).T  # [N, V]
    return F.cross_entropy(logits, targets - 1)
