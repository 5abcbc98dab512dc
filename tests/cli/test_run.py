"""What `sracl run` sees to before it loads what trains."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sracl.cli.app import main
from sracl.cli.run import _wait_briefly


@pytest.mark.parametrize(("name", "value"), [("OMP_WAIT_POLICY", "ACTIVE"), ("GOMP_SPINCOUNT", "7")])
def test_how_threads_wait_is_the_users_to_say(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(other, raising=False)
    monkeypatch.setenv(name, value)
    before = dict(os.environ)
    _wait_briefly()
    assert dict(os.environ) == before


def test_threads_wait_briefly_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for other in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(other, "")  # so that what is set below is taken back afterwards
        monkeypatch.delenv(other)
    _wait_briefly()
    assert os.environ["GOMP_SPINCOUNT"] == "10000"


def test_it_is_set_before_torch_is_loaded() -> None:
    code = "import sys, sracl.cli.run as run; run._wait_briefly(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("option", [["--max-cost", "1"], ["--offline"]])
def test_what_a_job_of_the_queue_would_not_know_is_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "quickstart", "--detach", *option]) == 2
    assert "jobs of the queue know the recipe and the environment alone" in " ".join(capsys.readouterr().err.replace("│", " ").split())
