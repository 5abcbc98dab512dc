"""GPUs that are not there: a driver and a tool which tell of them."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

TOOL = """#!/bin/sh
echo "GPU-aaaa, NVIDIA H100, 81559, 1024, 37, 41"
echo "GPU-bbbb, NVIDIA H100, 81559, 0, [N/A], [N/A]"
"""


def only_the_tool(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = TOOL) -> None:
    """Have nvidia-smi say what a script prints, and nvidia-ml-py not installed."""
    tool = folder / "nvidia-smi"
    tool.write_text(script)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


class Driver(types.ModuleType):
    """What nvidia-ml-py offers, as far as it is asked; a card on which this very process works."""

    NVMLError = RuntimeError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.nvmlInit = self.nvmlShutdown = lambda: None
        self.nvmlDeviceGetCount = lambda: 1
        self.nvmlDeviceGetHandleByIndex = lambda place: place
        self.nvmlDeviceGetUUID = lambda handle: "GPU-cccc"
        self.nvmlDeviceGetName = lambda handle: "NVIDIA H200"
        self.nvmlDeviceGetMemoryInfo = lambda handle: types.SimpleNamespace(total=140 * 2**30, used=8 * 2**30)
        self.nvmlDeviceGetUtilizationRates = lambda handle: types.SimpleNamespace(gpu=50)
        users = [types.SimpleNamespace(pid=os.getpid(), usedGpuMemory=6 * 2**30), types.SimpleNamespace(pid=1, usedGpuMemory=None)]
        self.nvmlDeviceGetComputeRunningProcesses = lambda handle: users
        self.nvmlDeviceGetTemperature = self.unsupported

    def unsupported(self, *_: object) -> int:
        raise self.NVMLError("not supported")
