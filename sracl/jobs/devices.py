"""What jobs run on: the GPUs that this process may use, and slots of the processor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sracl.devices import CPU, UNKNOWN, Device, gpus

if TYPE_CHECKING:
    from collections.abc import Sequence


def devices(slots: int) -> list[Device]:
    """The GPUs that this process may use, and the processor.

    `CUDA_VISIBLE_DEVICES` counts as it does for CUDA: numbers, UUIDs, or slices (`MIG-…`), which are passed on as they are.

    Args:
        slots: Jobs that may share the processor.
    """
    found, _ = gpus()
    return [*_visible(found, os.environ.get("CUDA_VISIBLE_DEVICES")), processor(slots)]


def processor(slots: int) -> Device:
    """The processor, shared by so many jobs."""
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    return Device(CPU, f"{os.cpu_count()} cores", float(slots), load=min(1.0, busy))


def _visible(gpus: Sequence[Device], allowed: str | None) -> list[Device]:
    """The GPUs that a value of `CUDA_VISIBLE_DEVICES` leaves, in its order; as for CUDA, a bad entry hides all after it."""
    if allowed is None:
        return list(gpus)
    left = []
    for entry in filter(None, (part.strip() for part in allowed.split(","))):
        if entry.startswith("MIG-"):
            left.append(Device(entry, "slice of a GPU", UNKNOWN))
            continue
        found = gpus[int(entry) : int(entry) + 1] if entry.isdecimal() else [gpu for gpu in gpus if gpu.key.startswith(entry)]
        if len(found) != 1:
            break
        left.append(found[0])
    return left
