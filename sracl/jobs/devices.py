"""What jobs run on: GPUs, known by their UUIDs, and slots of the processor. torch is not loaded."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sracl.tracking.jobs import JobRow

_QUERY = ("uuid", "name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu")
_UNKNOWN = 0.0
"""Capacity of a device whose memory is not known."""


@dataclass(frozen=True)
class Device:
    """Something that jobs share."""

    key: str
    """UUID of a GPU, of a slice of one, or `cpu`."""
    name: str
    capacity: float
    """GiB of a GPU, 0 where that is not known: it takes one job at a time, whatever that asks for; slots of the processor."""
    used: float = 0.0
    """GiB that are taken now, by whomever; 0 for the processor."""
    load: float | None = None
    """Share of the time that it is busy, in [0, 1]."""
    temperature: float | None = None
    """Degrees Celsius."""
    processes: Mapping[int, float] = field(default_factory=dict)
    """Process id -> GiB that it has of a GPU, as far as the driver tells."""

    @property
    def is_gpu(self) -> bool:
        """Whether jobs find it through CUDA."""
        return self.key != CPU

    def fits(self, vram: float | None) -> bool:
        """Whether a job that needs so many GiB of a GPU, or all of one, could ever run on it."""
        return vram is None or not self.is_gpu or not self.capacity or vram <= self.capacity

    def memory_of(self, job: JobRow) -> float:
        """GiB that a running job has: its process and all that it started, which share its session."""
        return sum(memory for process, memory in self.processes.items() if _session(process) == job.pid)


CPU = "cpu"
"""Key of the processor."""


def devices(slots: int) -> list[Device]:
    """The GPUs that this process may use, and the processor.

    `CUDA_VISIBLE_DEVICES` counts as it does for CUDA: numbers, UUIDs, or slices (`MIG-…`), which are passed on as they are.

    Args:
        slots: Jobs that may share the processor.
    """
    return [*_visible(list(_gpus()), os.environ.get("CUDA_VISIBLE_DEVICES")), processor(slots)]


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
            left.append(Device(entry, "slice of a GPU", _UNKNOWN))
            continue
        found = gpus[int(entry) : int(entry) + 1] if entry.isdecimal() else [gpu for gpu in gpus if gpu.key.startswith(entry)]
        if len(found) != 1:
            break
        left.append(found[0])
    return left


def _gpus() -> Iterator[Device]:
    """All GPUs of the machine: asked of the driver where `nvidia-ml-py` is installed, else of nvidia-smi, if there is one."""
    try:
        import pynvml
    except ImportError:
        yield from _told_by_the_tool()
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return  # no driver, so no GPU
    try:
        for place in range(pynvml.nvmlDeviceGetCount()):
            try:
                found = _told_by_the_driver(pynvml, pynvml.nvmlDeviceGetHandleByIndex(place))
            except pynvml.NVMLError:
                continue  # a card that has failed does not answer; the others do
            yield found
    finally:
        pynvml.nvmlShutdown()


def _told_by_the_driver(nvml: Any, handle: Any) -> Device:
    def asked(question: Callable[..., Any], *of: Any) -> Any:
        try:
            return question(handle, *of)
        except nvml.NVMLError:  # not every card can tell
            return None

    memory, rates = asked(nvml.nvmlDeviceGetMemoryInfo), asked(nvml.nvmlDeviceGetUtilizationRates)
    users = asked(nvml.nvmlDeviceGetComputeRunningProcesses) or []
    return Device(
        key=nvml.nvmlDeviceGetUUID(handle),
        name=nvml.nvmlDeviceGetName(handle),
        capacity=memory.total / 2**30 if memory else _UNKNOWN,
        used=memory.used / 2**30 if memory else 0.0,
        load=rates.gpu / 100 if rates else None,
        temperature=asked(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        processes={user.pid: user.usedGpuMemory / 2**30 for user in users if user.usedGpuMemory is not None},
    )


def _session(process: int) -> int | None:
    """The leader of the session that a process belongs to; None where it has ended."""
    try:
        return os.getsid(process)
    except OSError:
        return None


def _told_by_the_tool() -> Iterator[Device]:
    command = ["nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    for line in told.splitlines():
        key, name, *numbers = (part.strip() for part in line.split(","))
        total, used, load, temperature = (_number(text) for text in numbers)
        yield Device(key, name, (total or _UNKNOWN) / 1024, (used or 0.0) / 1024, None if load is None else load / 100, temperature)


def _number(text: str) -> float | None:
    """What nvidia-smi says, which may be `[N/A]`."""
    try:
        return float(text)
    except ValueError:
        return None
