from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from sracl.doctor.devices import cuda_of_torch, devices
from tests.support.nvidia import Driver, only_the_tool


@pytest.mark.parametrize(
    ("text", "cuda"),
    [
        ("from typing import Optional\n__version__ = '2.13.0+cu126'\ncuda: Optional[str] = '12.6'\nhip = None\n", "12.6"),
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\nhip = '6.0'\n", None),
    ],
)
def test_the_build_of_torch_is_read_from_its_file(text: str, cuda: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version.py").write_text(text)
    spec = ModuleSpec("torch", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("sracl.doctor.devices.find_spec", lambda name: spec)
    assert cuda_of_torch() == cuda


def test_it_agrees_with_the_torch_that_is_installed() -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("no torch")
    import torch

    assert cuda_of_torch() == torch.version.cuda


def test_the_tool_answers_where_nothing_better_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_tool(tmp_path, monkeypatch)
    monkeypatch.setattr("sracl.doctor.devices.cuda_of_torch", lambda: "12.6")
    found = [check for check in devices() if check.name == "GPU"]
    assert [check.found for check in found] == ["NVIDIA H100, 79 of 80 GiB free", "NVIDIA H100, 80 of 80 GiB free"]


def test_a_card_that_has_failed_is_a_warning_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setattr(driver, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(driver, "nvmlDeviceGetHandleByIndex", lambda place: driver.unsupported() if place else place)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setattr("sracl.doctor.devices.cuda_of_torch", lambda: "12.6")
    card, failed = (check for check in devices() if check.name == "GPU")
    assert (card.level, card.found) == ("ok", "NVIDIA H200, 132 of 140 GiB free")
    assert (failed.level, failed.found) == ("warning", "number 1 does not answer: not supported")
