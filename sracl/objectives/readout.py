"""One vector per sequence: what contrasts read of the states they get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Encoded, Request

Readout: TypeAlias = Literal["last", "mean", "flatten"]
"""`last`: the latest state. `mean`: of the states at all real items. `flatten`: all L states end to end, zeros at padding."""


def wanted(request: Request, readout: Readout) -> Request:
    """The request with the states that a readout needs."""
    return request if readout == "last" else replace(request, want="all")


def read(encoded: Encoded, request: Request, readout: Readout) -> Tensor:
    """The vector of every row: float [N, d], or [N, L · d] flattened."""
    return pool(encoded[request.key], request.lengths, readout)


def pool(states: Tensor, lengths: Tensor, readout: Readout) -> Tensor:
    """The vector of every row from its states, float [N, d] (`last`) or [N, L, d] (the others, zeros at padding)."""
    if readout == "last":
        return states
    return states.sum(1) / lengths[:, None] if readout == "mean" else states.flatten(1)
