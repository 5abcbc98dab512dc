"""GPUs as the driver's own tool tells of them, where nothing better is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sracl.jobs import devices as subject
from sracl.jobs.devices import CPU, Device

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


def test_without_a_driver_there_is_the_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [device.key for device in subject.devices(slots=1)] == [CPU]
