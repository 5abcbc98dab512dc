"""What there is to compute on, as the driver tells. torch is not loaded, which would take a second and hold memory of a GPU."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CPU = "cpu"
"""Key of the processor."""
UNKNOWN = 0.0
"""Capacity of a device whose memory is not known."""
_QUERY = ("uuid", "name", "memory.total", "memory.used", "utilization.gpu", "temperature.gpu")
_DRIVER = Path("/proc/driver/nvidia/gpus")
"""A folder a GPU, where the driver is loaded."""
_DRIVER_VERSION = Path("/proc/driver/nvidia/version")
_LOOK = "See what nvidia-smi says."


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

    def memory_of(self, leader: int | None) -> float:
        """GiB that a process which leads a session has, together with all that it started, which share the session."""
        return sum(memory for process, memory in self.processes.items() if _session(process) == leader)


@dataclass(frozen=True)
class Silent:
    """Why one or all GPUs do not tell what they are."""

    reason: str
    mend: str


def slots_asked_for() -> int:
    """Jobs that may share the processor, as the environment says; 1 where it does not.

    Raises:
        UsageError: It says something else.
    """
    asked = os.environ.get("SRACL_SLOTS", "").strip()
    if asked and not (asked.isdecimal() and int(asked)):
        raise UsageError(f"SRACL_SLOTS is {asked!r}; it should be how many jobs may share the processor, 1 or more, such as SRACL_SLOTS=2.")
    return int(asked or 1)


def driver() -> str:
    """Version of the driver of NVIDIA's GPUs; empty where nobody tells."""
    try:
        told = _DRIVER_VERSION.read_text(encoding="utf-8", errors="replace")
    except OSError:  # not on Linux
        return ""
    found = re.search(r"\d+\.\d+(\.\d+)?", told)
    return found[0] if found else ""


def gpus() -> tuple[list[Device], list[Silent]]:
    """All GPUs of the machine, in the driver's order, and what is known of those that do not answer.

    The driver is asked where `nvidia-ml-py` is installed, else nvidia-smi, if there is one.
    """
    try:
        import pynvml
    except ImportError:
        found = _told_by_the_tool()
        if not found and _DRIVER.is_dir() and any(_DRIVER.iterdir()):
            return [], [Silent("there is one, but nothing to ask it with", "pip install nvidia-ml-py")]
        return found, []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return [], []  # no driver, so no GPU
    try:
        return _told_by_the_driver(pynvml)
    finally:
        pynvml.nvmlShutdown()


def _told_by_the_driver(nvml: Any) -> tuple[list[Device], list[Silent]]:
    found: list[Device] = []
    silent: list[Silent] = []
    try:
        for place in range(nvml.nvmlDeviceGetCount()):
            try:
                found.append(_described(nvml, nvml.nvmlDeviceGetHandleByIndex(place)))
            except nvml.NVMLError as error:  # a card that has failed does not answer; the others do
                silent.append(Silent(f"number {place} does not answer: {error}", _LOOK))
    except nvml.NVMLError as error:
        silent.append(Silent(f"the driver does not answer: {error}", _LOOK))
    return found, silent


def _described(nvml: Any, handle: Any) -> Device:
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
        capacity=memory.total / 2**30 if memory else UNKNOWN,
        used=memory.used / 2**30 if memory else 0.0,
        load=rates.gpu / 100 if rates else None,
        temperature=asked(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        processes={user.pid: user.usedGpuMemory / 2**30 for user in users if user.usedGpuMemory is not None},
    )


def _told_by_the_tool() -> list[Device]:
    command = ["nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in told.splitlines():
        key, name, *numbers = (part.strip() for part in line.split(","))
        total, used, load, temperature = (_number(text) for text in numbers)
        found.append(Device(key, name, (total or UNKNOWN) / 1024, (used or 0.0) / 1024, None if load is None else load / 100, temperature))
    return found


def _number(text: str) -> float | None:
    """What nvidia-smi says, which may be `[N/A]`."""
    try:
        return float(text)
    except ValueError:
        return None


def _session(process: int) -> int | None:
    """The leader of the session that a process belongs to; None where it has ended."""
    try:
        return os.getsid(process)
    except OSError:
        return None
