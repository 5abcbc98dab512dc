"""What a run's folder keeps of what was told while it was trained."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from sracl.recipes.plan import plan
from sracl.runs import execute
from sracl.runs.log import FILE, logged
from sracl.runs.screen import Screen
from sracl.tracking.store import Store
from tests.support.recipes import HELD, called, let_train, project, sracl_recipe, start
from tests.support.terminal import printed

PLAIN = ("--set", "objective.cross.weight=0.0", "--set", "objective.intra.weight=0.0", "--device", "cpu")
"""SASRec alone: no texts, no neighbours."""


def log_of(home: Path) -> str:
    (file,) = home.glob(f"runs/*/{FILE}")
    return file.read_text(encoding="utf-8")


def test_a_run_in_a_terminal_has_its_epochs_in_the_log_and_a_bar_on_the_screen(tmp_path: Path) -> None:
    recipe = str(sracl_recipe(tmp_path, epochs=2))
    code, written = printed("run", recipe, *PLAIN, environment={**project(tmp_path), "TERM": "xterm-256color"})
    assert code == 0, written.decode()
    told = log_of(tmp_path)
    assert re.search(rb"epoch 2/2  loss [\d.]+  valid.mrr@10", written)
    assert not re.search(rb"valid.mrr@10 [\d.]+  [\d.]+ s\r\n", written)  # the bar says so
    assert ["epoch 1/2" in told, "epoch 2/2" in told, told.count(" epoch ")] == [True, True, 2]
    assert told.splitlines()[0].endswith("  attempt 1: small · seed 1")
    assert "done in" in told.splitlines()[-1]
    assert "\x1b" not in told


def test_a_killed_run_has_told_its_epochs_and_the_next_attempt_follows_them(tmp_path: Path) -> None:
    let_train(tmp_path, 2)
    recipe = str(sracl_recipe(tmp_path, epochs=3))
    process = start("run", recipe, *PLAIN, *HELD, "--quiet", environment=project(tmp_path))
    end = time.monotonic() + 300
    while not any("epoch 2/3" in file.read_text() for file in tmp_path.glob(f"runs/*/{FILE}")):
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=300)
    before = log_of(tmp_path)
    let_train(tmp_path)
    assert called("run", recipe, *PLAIN, *HELD, "--quiet", environment=project(tmp_path)).returncode == 0
    told = log_of(tmp_path)
    assert told.startswith(before)
    assert [line[24:] for line in told.splitlines() if line.startswith("── ")] == [f"attempt {n}: small · seed 1" for n in (1, 2)]
    assert "epoch 3/3" in told


def test_a_run_that_goes_on_is_followed_until_it_is_done(tmp_path: Path) -> None:
    recipe = str(sracl_recipe(tmp_path, users=300, epochs=8))
    process = start("run", recipe, *PLAIN, environment=project(tmp_path))
    end = time.monotonic() + 300
    while not list(tmp_path.glob(f"runs/*/{FILE}")):
        assert time.monotonic() < end
        time.sleep(0.02)
    followed = called("logs", "-f", "@last", environment=project(tmp_path))
    assert followed.returncode == 0, followed.stderr
    assert followed.stdout.splitlines()[-1].startswith("small · seed 1  done in ")
    process.communicate(timeout=300)
    assert process.returncode == 0
    assert followed.stdout == log_of(tmp_path)


def test_warnings_prints_and_the_traceback_of_a_failed_run_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in project(tmp_path).items():
        monkeypatch.setenv(name, value)

    def fail(*_: object) -> str:
        print("from a component")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("this is slow", stacklevel=1)
        raise RuntimeError("this went wrong")

    monkeypatch.setattr(warnings, "showwarning", lambda *told: print(warnings.formatwarning(*told[:4]), file=sys.stderr))  # not pytest's
    monkeypatch.setattr(execute, "train", fail)
    with Store.open(tmp_path / ".sracl" / "store.db") as store, Screen(quiet=True) as screen:
        execute.execute(plan(str(sracl_recipe(tmp_path))), store, screen, device="cpu")
    told = log_of(tmp_path)
    parts = ("from a component\n", "UserWarning: this is slow", "Traceback (most recent call last)", "RuntimeError: this went wrong\nsmall")
    assert all(told.count(part) == 1 for part in parts), told
    printed = capsys.readouterr()
    assert (printed.out, "this is slow" in printed.err) == ("from a component\n", True)


def test_what_is_printed_into_the_log_anyway_is_there_once(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\nfrom sracl.runs.screen import Screen\nscreen = Screen()\n"
        "with screen.logging(pathlib.Path(sys.argv[1]), 'attempt 1'):\n    screen.line('told')\n    print('printed', file=sys.stderr)\n"
        "    screen.note('noted')\n"
    )
    file = tmp_path / FILE
    with file.open("ab") as output:  # as the worker does for a job
        subprocess.run(
            [sys.executable, "-c", script, str(file)], stdout=output, stderr=output, check=True, env={**os.environ, "NO_COLOR": "1"}
        )
    assert file.read_text() == "told\nprinted\nnoted\n"


def test_a_log_that_cannot_be_written_is_said_once_and_ends_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    with logged(tmp_path / "nowhere" / FILE, "attempt 1", told.append) as log:
        log.printed("one\n")
        print("two")
    with logged(Path("/dev/full"), "attempt 1", told.append) as log:
        log.printed("three\n")
    assert [line.rpartition(": ")[2] for line in told] == ["No such file or directory", "No space left on device"]
