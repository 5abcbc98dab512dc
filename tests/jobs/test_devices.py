"""GPUs as the driver's own tool tells of them, where nothing better is installed."""

from __future__ import annotations

import os
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest

from sracl.jobs import devices as subject
from sracl.jobs.devices import CPU, Device
from tests.support.jobs import add, rows

TOOL = """#!/bin/sh
echo "GPU-aaaa, NVIDIA H100, 81559, 1024, 37, 41"
echo "GPU-bbbb, NVIDIA H100, 81559, 0, [N/A], [N/A]"
"""


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(TOOL)
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("two_cards")
def test_cards_come_first_and_the_processor_last() -> None:
    first, second, processor = subject.devices(slots=3)
    assert first == Device("GPU-aaaa", "NVIDIA H100", 81559 / 1024, 1.0, 0.37, 41.0)
    assert (second.key, second.load, second.temperature) == ("GPU-bbbb", None, None)
    assert (processor.key, processor.capacity, processor.is_gpu) == (CPU, 3.0, False)


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        ("1", ["GPU-bbbb"]),
        ("1,0", ["GPU-bbbb", "GPU-aaaa"]),
        ("GPU-aa", ["GPU-aaaa"]),
        ("MIG-1234", ["MIG-1234"]),
        ("0,9,1", ["GPU-aaaa"]),
        ("", []),
        ("-1", []),
    ],
)
def test_only_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch, allowed: str, left: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert [device.key for device in subject.devices(slots=1)] == [*left, CPU]


@pytest.mark.usefixtures("two_cards")
def test_a_card_that_does_not_tell_its_memory_is_one_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU-dddd, NVIDIA GB10, [N/A], [N/A], 3, 40'\n")
    card, _ = subject.devices(slots=1)
    assert card == Device("GPU-dddd", "NVIDIA GB10", 0.0, 0.0, 0.03, 40.0)
    assert card.fits(1000.0)


def test_without_a_driver_there_is_the_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [device.key for device in subject.devices(slots=1)] == [CPU]


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


def test_a_card_that_tells_little_is_listed_and_one_that_has_failed_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    for question in ("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetComputeRunningProcesses"):
        monkeypatch.setattr(driver, question, driver.unsupported)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    card, _ = subject.devices(slots=1)
    assert (card.key, card.capacity, card.processes) == ("GPU-cccc", 0.0, {})
    monkeypatch.setattr(driver, "nvmlDeviceGetHandleByIndex", driver.unsupported)
    assert [device.key for device in subject.devices(slots=1)] == [CPU]


def test_the_driver_tells_which_job_has_how_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    card, _ = subject.devices(slots=1)
    assert (card.key, card.capacity, card.used, card.load, card.temperature) == ("GPU-cccc", 140.0, 8.0, 0.5, None)
    (number,) = add(tmp_path, "")
    job = rows(tmp_path)[number]
    assert card.memory_of(replace(job, pid=os.getsid(0))) == 6.0
    assert card.memory_of(replace(job, pid=-5)) == 0.0
