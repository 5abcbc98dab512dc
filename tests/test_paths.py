"""Folders and files that the environment names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sracl import paths
from sracl.cli.app import main

SECRET = "hunter2"


@pytest.mark.parametrize("variable", ["SRACL_DB", "SRACL_HOME", "SRACL_CACHE_DIR"])
@pytest.mark.parametrize("scheme", ["postgresql", "sqlite", "s3+x"])
def test_an_address_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, scheme: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, f"{scheme}://user:{SECRET}@host/db")
    assert main(["run", "quickstart", "-n"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"{variable} should name a fi" if variable == "SRACL_DB" else f"{variable} should name a folder")
    assert SECRET not in shown.out + shown.err
    assert not list(tmp_path.iterdir())


def test_a_path_that_only_looks_a_little_like_one_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRACL_DB", "C:/runs//store.db")
    assert paths.store_file() == tmp_path / "C:" / "runs" / "store.db"
    monkeypatch.setenv("SRACL_DB", "")
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    assert paths.store_file() == tmp_path / ".sracl" / "store.db"
