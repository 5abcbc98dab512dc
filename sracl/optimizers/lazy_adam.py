"""Adam for tables too large to go over whole at every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import Field

from sracl.optimizers.eager import EagerAdam

if TYPE_CHECKING:
    from collections.abc import Sequence


class LazyAdam:
    """Adam that, where a gradient is sparse, moves only the rows the gradient has.

    A row's running means decay at the steps that touch it, rather than at all; bias is corrected by the count of all steps.
    Dense gradients are taken as by `adam`. It is meant for an item table whose backbone and loss give sparse gradients, and
    pays from about 100,000 items.

    Args:
        lr: Step size, above 0.
        betas: Decay of the running means of the gradient and of its square, each in [0, 1).
        eps: Added to the denominator.

    Source: Kingma and Ba 2015, arXiv:1412.6980, algorithm 1; the rows as in torch.optim.SparseAdam, which takes no dense
        gradient beside them.
    """

    def __init__(
        self,
        *,
        lr: Annotated[float, Field(gt=0)] = 1e-3,
        betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999),
        eps: Annotated[float, Field(gt=0)] = 1e-8,
    ) -> None:
        self.lr = lr
        self.betas = (betas[0], betas[1])
        self.eps = eps

    def __call__(self, parameters: Sequence[torch.nn.Parameter]) -> EagerAdam:
        """The optimizer over these parameters."""
        return _RowwiseAdam(parameters, lr=self.lr, betas=self.betas, eps=self.eps, fused=True)


class _RowwiseAdam(EagerAdam):
    """Torch's Adam, with the same state, and a step of its own for sparse gradients."""

    def step(self, closure: Any = None) -> Any:
        sparse = []
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    self._move_rows(parameter, group)
                    sparse.append((parameter, parameter.grad))
                    parameter.grad = None  # out of the sight of torch's step, which refuses it
        result = super().step(closure)
        for parameter, grad in sparse:
            parameter.grad = grad
        return result

    @torch.no_grad()
    def _move_rows(self, parameter: torch.nn.Parameter, group: dict[str, Any]) -> None:
        assert parameter.grad is not None
        grad = parameter.grad.coalesce()
        rows, slope = grad.indices()[0], grad.values()
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        state["step"] += 1
        (decay, decay_sq), step = group["betas"], state["step"]
        mean = state["exp_avg"][rows].lerp_(slope, 1 - decay)
        mean_sq = state["exp_avg_sq"][rows].lerp_(slope * slope, 1 - decay_sq)
        state["exp_avg"][rows], state["exp_avg_sq"][rows] = mean, mean_sq
        length = (mean_sq / (1 - decay_sq**step)).sqrt_().add_(group["eps"])
        parameter[rows] -= group["lr"] / (1 - decay**step) * mean / length
