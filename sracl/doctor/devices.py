"""What there is to compute on, and whether torch can use it."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sracl.devices import gpus
from sracl.doctor.check import Check

if TYPE_CHECKING:
    from sracl.devices import Device

_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def devices() -> list[Check]:
    """The build of torch, and the GPUs."""
    cuda = cuda_of_torch()
    found, silent = gpus()
    described = [_described(gpu) for gpu in found]
    checks = [_torch(cuda), Check("processor", "ok", f"{os.cpu_count()} cores")]
    if not found and not silent:
        checks.append(Check("GPU", "ok", "none seen; runs train on the processor"))
    elif found and cuda is None:
        mend = "Install a build of torch for CUDA; its site names the one for your driver."
        checks.append(Check("GPU", "warning", f"{'; '.join(described)}, but this torch cannot use it", mend))
    else:
        checks += [Check("GPU", "ok", gpu) for gpu in described]
    return checks + [Check("GPU", "warning", gpu.reason, gpu.mend) for gpu in silent]


def cuda_of_torch() -> str | None:
    """The CUDA version that the installed torch was built for, as its own files say; None for a build without."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).with_name("version.py")
    told = _CUDA.search(file.read_text(encoding="utf-8")) if file.is_file() else None
    return told[1] if told else None


def _torch(cuda: str | None) -> Check:
    try:
        installed = version("torch")
    except PackageNotFoundError:
        return Check("torch", "problem", "not installed", "Install sracl again: pip install sracl")
    return Check("torch", "ok", f"{installed}, {f'built for CUDA {cuda}' if cuda else 'built for processors only'}")


def _described(gpu: Device) -> str:
    if not gpu.capacity:
        return f"{gpu.name}, memory unknown"
    return f"{gpu.name}, {gpu.capacity - gpu.used:.0f} of {gpu.capacity:.0f} GiB free"
