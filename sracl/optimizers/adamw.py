"""Adam with decoupled weight decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sracl.optimizers.eager import EagerAdamW

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


class AdamW:
    """The optimizer AdamW: Adam whose weight decay shrinks the parameters and leaves the gradient alone.

    Args:
        lr: Step size, above 0.
        betas: Decay of the running means of the gradient and of its square, each in [0, 1).
        eps: Added to the denominator.
        weight_decay: Share of lr by which parameters shrink each step, at least 0.

    Source: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
    """

    def __init__(
        self,
        *,
        lr: Annotated[float, Field(gt=0)] = 1e-3,
        betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999),
        eps: Annotated[float, Field(gt=0)] = 1e-8,
        weight_decay: Annotated[float, Field(ge=0)] = 0.01,
    ) -> None:
        self.lr = lr
        self.betas = (betas[0], betas[1])
        self.eps = eps
        self.weight_decay = weight_decay

    def __call__(self, parameters: Sequence[torch.nn.Parameter]) -> EagerAdamW:
        """The optimizer over these parameters."""
        return EagerAdamW(parameters, lr=self.lr, betas=self.betas, eps=self.eps, weight_decay=self.weight_decay, fused=True)
