from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from sracl.doctor.devices import cuda_of_torch


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
