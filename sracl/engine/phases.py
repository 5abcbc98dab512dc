"""The updates that make up a training step: one for nearly every method, several where parts learn against one another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from torch import nn

from sracl.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import torch

    from sracl.engine.step import Weighted


@dataclass(frozen=True)
class Phase:
    """One update: a forward pass of some objectives, and a step of some parameters."""

    objectives: Sequence[Weighted]
    """The terms of its loss, with their weights in it."""
    optimizer: torch.optim.Optimizer
    """Over the parameters it trains; phases that train the same share it, and with it the moments."""
    id: str = ""
    """In the recipe; empty for the one phase of everything."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """What it trains."""
        for group in self.optimizer.param_groups:
            yield from group["params"]


def joint(backbone: nn.Module, objectives: Sequence[Weighted], optimizer: Callable[..., torch.optim.Optimizer]) -> list[Phase]:
    """The one phase of everything."""
    return [Phase(objectives, optimizer(parameters(backbone, objectives)))]


def alternating(
    settings: Sequence[Mapping[str, Any]],
    backbone: nn.Module,
    objectives: Sequence[Weighted],
    optimizer: Callable[..., torch.optim.Optimizer],
) -> list[Phase]:
    """Phases as a recipe lists them.

    Args:
        settings: Tables `{ update, weights }`, see `sracl.recipes.schema.PhaseSettings`.
        backbone: Called `backbone` in `update`.
        objectives: Called by their ids.
        optimizer: Makes one over some parameters.

    Raises:
        PluginError: A phase trains nothing that has parameters, or no phase trains something that has some.
    """
    parts = {"backbone": backbone, **{part.id: part.objective for part in objectives}}
    optimizers: dict[frozenset[str], torch.optim.Optimizer] = {}
    made = []
    for entry in settings:
        update = frozenset(entry["update"])
        if update not in optimizers:
            trained = [p for name in parts if name in update for p in _trainable(parts[name])]
            if not trained:
                raise PluginError(
                    f"the phase '{entry['id']}' updates {', '.join(sorted(update)) or 'nothing'}, where nothing can be trained"
                )
            optimizers[update] = optimizer(trained)
        weighted = [replace(part, weight=entry["weights"].get(part.id, part.weight)) for part in objectives]
        made.append(Phase([part for part in weighted if part.weight > 0], optimizers[update], entry["id"]))
    covered = {parameter for phase in made for parameter in phase.parameters()}
    if left := [name for name, part in parts.items() if not covered.issuperset(_trainable(part))]:
        known = ", ".join(entry["id"] for entry in settings)
        raise PluginError(
            f"train.phase: no phase trains {', '.join(left)}, which would stay as drawn. "
            f"Name {'it' if len(left) == 1 else 'them'} in the update of a phase; there are: {known}."
        )
    return made


def parameters(backbone: nn.Module, objectives: Sequence[Weighted]) -> list[nn.Parameter]:
    """All trained parameters: the backbone's, then those of objectives that have some."""
    return [parameter for part in (backbone, *(part.objective for part in objectives)) for parameter in _trainable(part)]


def _trainable(part: Any) -> list[nn.Parameter]:
    return [parameter for parameter in part.parameters() if parameter.requires_grad] if isinstance(part, nn.Module) else []
