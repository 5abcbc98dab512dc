"""What jobs run on: GPUs, known by their UUIDs, and slots of the processor. torch is not loaded."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sracl.tracking.jobs import JobRow

_QUERY = ("uuid", "name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu")
_WHOLE_SLICE = 1.0
"""Capacity of a device whose memory is not known: one job at a time, whatever it asks for."""


@dataclass(frozen=True)
class Device:
    """Something that jobs share."""

    key: str
    """UUID of a GPU, of a slice of one, or `cpu`."""
    name: str
    capacity: float
    """GiB of a GPU; slots of the processor."""
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
            left.append(Device(entry, "slice of a GPU", _WHOLE_SLICE))
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
            yield _told_by_the_driver(pynvml, pynvml.nvmlDeviceGetHandleByIndex(place))
    finally:
        pynvml.nvmlShutdown()


def _told_by_the_driver(nvml: Any, handle: Any) -> Device:
    def asked(question: Any) -> float | None:
        try:
            return float(question())
        except nvml.NVMLError:  # not every card can tell
            return None

    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    users = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    processes = {user.pid: user.usedGpuMemory / 2**30 for user in users if user.usedGpuMemory is not None}
    load = asked(lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    temperature = asked(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    key, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
    return Device(key, name, memory.total / 2**30, memory.used / 2**30, None if load is None else load / 100, temperature, processes)


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
        key, name, total, used, load, temperature = (part.strip() for part in line.split(","))
        percent = _number(load)
        yield Device(key, name, float(total) / 1024, float(used) / 1024, None if percent is None else percent / 100, _number(temperature))


def _number(text: str) -> float | None:
    """What nvidia-smi says, which may be `[N/A]`."""
    try:
        return float(text)
    except ValueError:
        return None
