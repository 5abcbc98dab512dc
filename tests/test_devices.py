"""GPUs as the driver tells of them, or its tool where nothing better is installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sracl import devices as subject
from sracl.devices import Device
from sracl.errors import UsageError
from tests.support.nvidia import Driver, only_the_tool


def test_the_tool_tells_of_all_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_tool(tmp_path, monkeypatch)
    (first, second), silent = subject.gpus()
    assert first == Device("GPU-aaaa", "NVIDIA H100", 81559 / 1024, 1.0, 0.37, 41.0)
    assert (second.key, second.load, second.temperature) == ("GPU-bbbb", None, None)
    assert silent == []


def test_a_card_that_does_not_tell_its_memory_is_one_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_tool(tmp_path, monkeypatch, "#!/bin/sh\necho 'GPU-dddd, NVIDIA GB10, [N/A], [N/A], 3, 40'\n")
    (card,), _ = subject.gpus()
    assert card == Device("GPU-dddd", "NVIDIA GB10", 0.0, 0.0, 0.03, 40.0)
    assert card.fits(1000.0)


def test_a_driver_without_anything_to_ask_it_with_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_tool(tmp_path, monkeypatch, "#!/bin/sh\nexit 9\n")
    monkeypatch.setattr(subject, "_DRIVER", tmp_path / "absent")
    assert subject.gpus() == ([], [])
    (tmp_path / "gpus" / "0000:01:00.0").mkdir(parents=True)
    monkeypatch.setattr(subject, "_DRIVER", tmp_path / "gpus")
    found, (silent,) = subject.gpus()
    assert (found, silent.mend) == ([], "pip install nvidia-ml-py")


def test_a_card_that_tells_little_is_listed_and_one_that_has_failed_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    for question in ("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetComputeRunningProcesses"):
        monkeypatch.setattr(driver, question, driver.unsupported)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    (card,), _ = subject.gpus()
    assert (card.key, card.capacity, card.processes) == ("GPU-cccc", 0.0, {})
    monkeypatch.setattr(driver, "nvmlDeviceGetHandleByIndex", driver.unsupported)
    found, (silent,) = subject.gpus()
    assert (found, silent.reason) == ([], "number 0 does not answer: not supported")


def test_a_driver_that_does_not_even_count_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setattr(driver, "nvmlDeviceGetCount", driver.unsupported)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    found, (silent,) = subject.gpus()
    assert (found, silent.reason) == ([], "the driver does not answer: not supported")


def test_the_driver_tells_which_session_has_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver())
    (card,), _ = subject.gpus()
    assert (card.key, card.capacity, card.used, card.load, card.temperature) == ("GPU-cccc", 140.0, 8.0, 0.5, None)
    assert card.memory_of(os.getsid(0)) == 6.0
    assert card.memory_of(-5) == 0.0


@pytest.mark.parametrize(("asked", "slots"), [(None, 1), ("", 1), ("3", 3), (" 2 ", 2)])
def test_the_environment_says_how_many_share_the_processor(monkeypatch: pytest.MonkeyPatch, asked: str | None, slots: int) -> None:
    monkeypatch.delenv("SRACL_SLOTS", raising=False)
    if asked is not None:
        monkeypatch.setenv("SRACL_SLOTS", asked)
    assert subject.slots_asked_for() == slots


@pytest.mark.parametrize("asked", ["many", "0", "-1", "1.5", "²"])
def test_what_is_no_number_of_jobs_is_told_what_it_should_be(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setenv("SRACL_SLOTS", asked)
    with pytest.raises(UsageError, match=f"^SRACL_SLOTS is '{asked}'; it should be how many jobs may share the processor, 1 or more"):
        subject.slots_asked_for()
