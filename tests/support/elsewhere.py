"""A device that is none: tensors say that they lie `elsewhere`, and the CPU holds their values.

What would fail at a GPU's first step fails here as well: two devices in one operation, a value that was never moved, a draw from
a generator of another device. And since the code takes the ways it takes on a GPU (padded rows, all neighbours), what it computes
can be held against what it computes on the CPU.

torch can take a device in only for good, so this belongs into a process of its own:

    python -m tests.support.elsewhere methods/sracl 'methods/sasrec backbone.dropout=0.0'

prints a JSON object a recipe: every term of one step of each stage, there and on the CPU, and where the host waited for a result.
A GRU cannot be had there: torch has its fused cell for real GPUs alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import sracl
from sracl.engine.step import training_loss
from sracl.evaluation.ranking import rank
from sracl.recipes.plan import plan
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.training import trainer_of

aten = torch.ops.aten
_ASKED = {
    aten._local_scalar_dense, aten.nonzero, aten.masked_select, aten._unique2, aten.unique_dim, aten.unique_consecutive,
    aten.repeat_interleave, aten.bincount, aten.equal,
}  # fmt: skip
"""Operations whose result, or its shape, the host waits for."""

_OURS = Path(sracl.__file__).parent

_INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}

waits: list[str] = []
"""What the host waited for, as `nonzero in sracl/objectives/cloze.py`."""


class Elsewhere(Tensor):
    """A tensor of the device, around one of the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        device = torch.device("elsewhere:0")
        return torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=device
        )

    def __init__(self, held: Tensor) -> None:
        self.held = held

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _carry_out(func, args, kwargs or {})


class Devices(TorchDispatchMode):
    """Within, tensors can be made elsewhere."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _carry_out(func, args, kwargs or {})


def _carry_out(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Do it on the CPU, if all it is given lies on one device.

    Raises:
        RuntimeError: It does not. As on a GPU, numbers may come from the CPU, and so may indices.
    """
    packet, asked = func.overloadpacket, kwargs.get("device")
    given = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
    devices = {value.device.type for value in given if value.ndim or isinstance(value, Elsewhere)}
    there = torch.device(asked).type == "elsewhere" if asked is not None else "elsewhere" in devices
    if len(devices) > 1 and packet is not aten.copy_:
        if packet not in _INDEXING or not isinstance(args[0], Elsewhere):
            raise RuntimeError(f"{func} of tensors on two devices: {[(value.device.type, tuple(value.shape)) for value in given]}")
        _note("an index that lies on the CPU")
    if "elsewhere" in devices and packet in _ASKED:
        _note(packet.__name__)
    if packet in _INDEXING and there and any(index is not None and index.dtype == torch.bool for index in args[1]):
        _note("a boolean index")
    into_cpu = (packet is aten._to_copy and not there) or (packet is aten.copy_ and args[0].device.type == "cpu")
    if into_cpu and "elsewhere" in devices:
        _note("a copy to the CPU")
    inner_args, inner_kwargs = tree_map(lambda value: value.held if isinstance(value, Elsewhere) else value, (args, kwargs))
    if asked is not None:
        inner_kwargs["device"] = torch.device("cpu")
    result = func(*inner_args, **inner_kwargs)
    if packet is aten._to_copy and result is inner_args[0]:
        result = result.clone()
    if there:
        result = tree_map(lambda value: Elsewhere(value) if isinstance(value, Tensor) else value, result)
    return return_and_correct_aliasing(func, args, kwargs, result)


def _note(what: str) -> None:
    ours = [Path(frame.filename) for frame in traceback.extract_stack() if frame.filename.startswith(f"{_OURS}{os.sep}")]
    waits.append(f"{what} in {ours[-1].relative_to(_OURS.parent).as_posix() if ours else 'torch'}")


class Generator(torch.Generator):
    """One of the CPU, which says that it is of the device it was made for."""

    made_for: torch.device

    def __new__(cls, device: torch.device | str = "cpu") -> Generator:
        made: Generator = super().__new__(cls, "cpu")  # type: ignore[call-arg]
        made.made_for = torch.device(device)
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return self.made_for


def computed(parts: Parts, folder: Path) -> tuple[dict[str, float], list[str]]:
    """Terms of a step of every stage as `stage.term`, and the mean validation rank after an update; what steps waited for."""
    found: dict[str, float] = {}
    during: set[str] = set()
    for training in parts.trainings:
        trainer = trainer_of(parts, folder, epochs=1, training=training)
        trainer.begin(1, 0)  # K-means and the like
        for module in trainer.modules().values():
            module.train()
        rows = torch.arange(0, 96, 3, device=parts.samples.stops.device)
        waits.clear()
        loss, terms = training_loss(parts.backbone, training.objectives, training.samples.batch(rows))
        torch.autograd.backward(loss)
        trainer.step(rows)  # again, with the optimizer
        during.update(waits)
        found |= {f"{training.id}.{name}": term.item() for name, term in {"loss": loss.detach(), **terms}.items()}
    ranks = rank(parts.backbone, parts.valid, parts.seen_valid, batch_size=256)
    return {**found, "rank": ranks.keep.double().mean().item()}, sorted(during)


def _assembled(recipe: str, sets: list[str], device: str) -> Parts:
    (run,) = plan(recipe, sets=sets, seeds=[1]).runs
    return assemble(run, Workshop(torch.device(device), lambda line: None))


def main(wanted: list[str]) -> None:
    _setup_privateuseone_for_python_backend("elsewhere")
    torch.Generator = Generator  # type: ignore[assignment, misc]
    Workshop._placed = lambda self, table: dict(table)  # type: ignore[method-assign]  # its stages stay on the CPU
    for words in wanted:
        recipe, *sets = words.split()
        with tempfile.TemporaryDirectory() as folder:
            here, _ = computed(_assembled(recipe, sets, "cpu"), Path(folder))
            with Devices():  # type: ignore[no-untyped-call]
                there, during = computed(_assembled(recipe, sets, "elsewhere:0"), Path(folder))
        print(json.dumps({"recipe": recipe, "here": here, "there": there, "waits": during}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
