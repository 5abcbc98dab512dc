"""What a run keeps of the code and of what was installed."""

from __future__ import annotations

import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch

from sracl import paths
from sracl.runs import repository as git
from sracl.runs.provenance import provenance
from sracl.runs.repository import LIMIT, repository
from sracl.tracking import artifacts, queries
from sracl.tracking.reader import Reader
from tests.support.recipes import called, project, sracl_recipe

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu")
CPU = torch.device("cpu")


def committed(folder: Path, **files: str) -> str:
    """Make a folder a repository with these files; its commit."""
    for name, text in files.items():
        (folder / name).write_text(text)
    who = ("-c", "user.name=n", "-c", "user.email=e@x.org", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", *files), (*who, "commit", "-q", "-m", "first")):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, text=True, capture_output=True).stdout.strip()


def test_a_run_keeps_the_commit_the_changes_to_tracked_files_and_what_is_installed(tmp_path: Path) -> None:
    commit = committed(tmp_path, model="one\n", gone="two\n")
    (tmp_path / "model").write_text("other\n")
    (tmp_path / "gone").unlink()
    (tmp_path / "secret").write_text("not tracked\n")
    recipe = str(sracl_recipe(tmp_path, epochs=1))
    assert called("run", recipe, *PLAIN, environment=project(tmp_path)).returncode == 0
    with Reader.open(tmp_path / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
        kept = {row.name: Path(row.path) for row in artifacts.of_run(store, run.id)}
    ours: dict[str, Any] = run.environment["git"]["project"]
    assert ours == {"commit": commit, "uncommitted": kept["project.patch"].name}
    assert "not tracked" not in kept["project.patch"].read_text()
    assert run.environment["packages"] == kept["packages"].name
    assert f"torch=={version('torch')}" in kept["packages"].read_text().splitlines()
    subprocess.run(["git", "checkout", "-q", "model", "gone"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", str(kept["project.patch"])], cwd=tmp_path, check=True)
    assert ((tmp_path / "model").read_text(), (tmp_path / "gone").exists()) == ("other\n", False)
    shown = called("show", run.id[:6], environment=project(tmp_path)).stdout
    assert all(told in shown for told in (commit, kept["project.patch"].name, kept["packages"].name))


def test_without_git_or_a_repository_or_a_commit_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repository(tmp_path) is None
    assert repository(tmp_path / "nowhere") is None
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert repository(tmp_path) is None
    committed(tmp_path, a="1\n")
    assert repository(tmp_path) is not None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert repository(tmp_path) is None


def test_a_long_patch_is_cut_at_the_end_of_a_line_and_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(tmp_path, data="")
    (tmp_path / "data").write_text("twelve chars\n" * (LIMIT // 10))
    found = repository(tmp_path)
    assert found is not None and found.patch is not None
    assert found.is_cut
    assert LIMIT - 20 < len(found.patch) <= LIMIT
    assert found.patch.endswith(b"+twelve chars\n")
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    assert str(provenance(CPU).facts["git"]["project"]["uncommitted"]).endswith(".patch, the first 1 MiB of it")


def test_git_that_takes_too_long_is_left_and_what_it_told_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = committed(tmp_path, a="1\n")
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\ncase $1 in rev-parse) echo {tmp_path}; echo {commit};; *) sleep 600;; esac\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:/usr/bin:/bin")
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setattr(git, "PATIENCE", 2.0)  # far longer than what it does tell takes
    began = time.monotonic()
    assert repository(tmp_path) == git.Repository(str(tmp_path), commit, None, False)
    assert time.monotonic() - began < 60
    assert provenance(CPU).facts["git"]["project"]["uncommitted"].startswith("unknown")


def test_a_project_within_the_checkout_of_sracl_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed(tmp_path, a="1\n")
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("SRACL_HOME", str(tmp_path / "project"))
    monkeypatch.setattr(paths, "checkout", lambda: tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as within a hook of another repository
    facts = provenance(CPU).facts["git"]
    assert list(facts) == ["project"]
    assert facts["project"]["uncommitted"] == "none"
