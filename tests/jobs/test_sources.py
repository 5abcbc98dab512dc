"""A queued run keeps the project's own modules as they were."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sracl.jobs.sources import copy_sources


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "lab_models/__init__.py": "",
        "lab_models/backbone.py": "import lab_helpers\nimport numpy\nfrom . import other\n",
        "lab_models/other.py": "",
        "lab_models/__pycache__/other.pyc": "",
        "lab_helpers.py": "import lab_deeper\n",
        "lab_deeper.py": "import lab_models.backbone\n",
        "lab_unused.py": "",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def test_what_a_component_needs_is_copied_and_nothing_else(laboratory: Path) -> None:
    values = {"backbone": {"use": "lab_models.backbone:Mine", "inner": [{"use": "sasrec"}]}, "data": {"name": "demo"}}
    assert copy_sources(values, laboratory, laboratory / "kept") == ["lab_deeper", "lab_helpers", "lab_models"]
    kept = sorted(str(path.relative_to(laboratory / "kept")) for path in (laboratory / "kept").rglob("*") if path.is_file())
    assert kept == ["lab_deeper.py", "lab_helpers.py", "lab_models/__init__.py", "lab_models/backbone.py", "lab_models/other.py"]


def test_what_is_installed_or_elsewhere_is_not_copied(laboratory: Path, tmp_path: Path) -> None:
    values = {"backbone": {"use": "lab_models.backbone:Mine"}, "objective": [{"use": "numpy.linalg:norm"}]}
    assert copy_sources(values, tmp_path / "another project", tmp_path / "kept") == []
    assert not (tmp_path / "kept").exists()


def test_a_later_copy_takes_the_place_of_an_earlier(laboratory: Path) -> None:
    values = {"backbone": {"use": "lab_helpers:Mine"}}
    copy_sources(values, laboratory, laboratory / "kept")
    (laboratory / "lab_helpers.py").write_text("")
    assert copy_sources(values, laboratory, laboratory / "kept") == ["lab_helpers"]
    assert not (laboratory / "kept" / "lab_deeper.py").exists()
