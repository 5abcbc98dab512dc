"""What of the machine jobs may use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sracl.devices import CPU
from sracl.jobs import devices as subject
from tests.support.nvidia import only_the_tool


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_tool(tmp_path, monkeypatch)


@pytest.mark.usefixtures("two_cards")
def test_cards_come_first_and_the_processor_last() -> None:
    first, second, processor = subject.devices(slots=3)
    assert (first.key, second.key) == ("GPU-aaaa", "GPU-bbbb")
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
