"""What optimizers remember, as a checkpoint keeps it: tensors by name, and everything else as JSON holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch.optim import Optimizer


def pack(optimizers: Sequence[Optimizer]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Take the state of all of them apart.

    Returns:
        Tensors, named `optimizer/parameter/entry` by numbers; `groups` and `moments`, of each optimizer, which are no tensors.
    """
    tensors: dict[str, Tensor] = {}
    groups: list[Any] = []
    moments: list[dict[str, dict[str, Any]]] = []
    for number, optimizer in enumerate(optimizers):
        state = optimizer.state_dict()
        groups.append(state["param_groups"])
        moments.append({})
        for index, entries in state["state"].items():
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    tensors[f"{number}/{index}/{name}"] = value
                else:
                    moments[number].setdefault(str(index), {})[name] = value
    return tensors, {"groups": groups, "moments": moments}


def unpack(optimizers: Sequence[Optimizer], tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Give the same optimizers of the same parameters what `pack` has taken apart."""
    states: list[dict[int, dict[str, Any]]] = [
        {int(index): dict(entries) for index, entries in moments.items()} for moments in facts["moments"]
    ]
    for path, value in tensors.items():
        number, index, name = path.split("/")
        states[int(number)].setdefault(int(index), {})[name] = value
    for optimizer, state, groups in zip(optimizers, states, facts["groups"], strict=True):
        optimizer.load_state_dict({"state": state, "param_groups": groups})
