"""What there is to compute on. torch is not loaded, which would take a second and hold memory of a GPU."""

from __future__ import annotations

import os
import re
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from sracl.doctor.check import Check

_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"]([^'\"]+)['\"]", re.MULTILINE)


def devices() -> list[Check]:
    """The build of torch, and the GPUs."""
    cuda = cuda_of_torch()
    gpus, remark = _gpus()
    checks = [_torch(cuda), Check("processor", "ok", f"{os.cpu_count()} cores")]
    if remark:
        checks.append(remark)
    elif not gpus:
        checks.append(Check("GPU", "ok", "none seen; runs train on the processor"))
    elif cuda is None:
        listed = "; ".join(gpus)
        mend = "Install a build of torch for CUDA; its site names the one for your driver."
        checks.append(Check("GPU", "warning", f"{listed}, but this torch cannot use it", mend))
    else:
        checks.extend(Check("GPU", "ok", gpu) for gpu in gpus)
    return checks


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


def _gpus() -> tuple[list[str], Check | None]:
    """Name and memory of every GPU, or why they cannot be told."""
    try:
        import pynvml
    except ImportError:
        driver = Path("/proc/driver/nvidia/gpus")
        if driver.is_dir() and any(driver.iterdir()):
            return [], Check("GPU", "warning", "there is one, but nothing to ask it with", "pip install nvidia-ml-py")
        return [], None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return [], None  # no driver, so no GPU
    try:
        return [_described(pynvml.nvmlDeviceGetHandleByIndex(place)) for place in range(pynvml.nvmlDeviceGetCount())], None
    except pynvml.NVMLError as error:
        return [], Check("GPU", "warning", f"the driver does not answer: {error}", "See what nvidia-smi says.")
    finally:
        pynvml.nvmlShutdown()


def _described(handle: object) -> str:
    import pynvml

    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return f"{pynvml.nvmlDeviceGetName(handle)}, {memory.free / 2**30:.0f} of {memory.total / 2**30:.0f} GiB free"
