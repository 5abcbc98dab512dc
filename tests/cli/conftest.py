from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def empty_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that are called here work in a project of their own."""
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.delenv("SRACL_DB", raising=False)
