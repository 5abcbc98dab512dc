"""The loss of telling the next item from others, each on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Bias


class BinaryCrossEntropy:
    """Logistic loss of the target against items drawn uniformly from the others.

        l_n = - log σ(h_n · E_t) - 1/K Σ_{k≤K} log(1 - σ(h_n · E_s_k)),   t = t_n,   s_k uniform over 1..V without t

    A much weaker signal than `cross_entropy`, which all items share in; here so that historic figures can be checked.

    Args:
        generator: Source of the draws, on the device of the states.
        num_negatives: K, drawn anew for every row and call.

    Source: Kang and McAuley 2018, arXiv:1808.09781, on the training of the network. Differs from the paper, which draws no item of the
        user's whole sequence: that would tell training which items validate and test.
    """

    def __init__(self, generator: torch.Generator, *, num_negatives: Annotated[int, Field(ge=1)] = 1) -> None:
        self.generator = generator
        self.num_negatives = num_negatives

    def __call__(self, states: Tensor, item_table: Tensor, targets: Tensor, bias: Bias | None = None) -> Tensor:
        """The loss against fresh negatives.

        Args:
            states: h, float [N, d]; half precision is raised to float32.
            item_table: E, float [V + 1, d]; row 0 is padding and takes no part. V is at least 2.
            targets: t, int64 [N], ids in 1..V.
            bias: What is added to the products of some items of each row.

        Returns:
            Mean of l_n, scalar, in nats; 2 log 2 = 1.386294 for a fresh model.
        """
        others = torch.randint(
            1, len(item_table) - 1, (len(targets), self.num_negatives), generator=self.generator, device=self.generator.device
        )
        negatives = others + (others >= targets[:, None])  # [N, K], every item but the target equally likely
        candidates = torch.cat([targets[:, None], negatives], 1)  # [N, 1 + K]
        rows = F.embedding(candidates, item_table)  # [N, 1 + K, d]
        dtype = torch.promote_types(states.dtype, torch.float32)
        logits = (rows.to(dtype) @ states.to(dtype)[:, :, None]).squeeze(2)
        if bias is not None:
            logits = logits + bias.of(candidates)
        loss: Tensor = (F.softplus(-logits[:, 0]) + F.softplus(logits[:, 1:]).mean(1)).mean()
        return loss
