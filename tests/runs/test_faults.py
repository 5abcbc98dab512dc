"""Processes killed with real signals: nothing is lost, and the result is that of a run left in peace."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

from sracl.tracking import queries
from sracl.tracking.queries import RunRow
from sracl.tracking.reader import Reader
from tests.support.recipes import HELD, called, let_train, project, sracl, sracl_recipe, start

USERS, EPOCHS = 30, 6


def outcome(home: Path) -> tuple[RunRow, dict[tuple[str, str, str, str], float], dict[str, list[tuple[int, float]]]]:
    """The one run of a project: its row, final figures and series without times."""
    with Reader.open(home / ".sracl" / "store.db") as store:
        (run,) = queries.runs(store)
        figures = {(row.split, row.protocol, row.group, row.name): row.value for row in queries.final_metrics(store, [run.id])}
        series = {name: points for name, points in queries.series(store, run.id).items() if not name.startswith("seconds.")}
    return run, figures, series


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    done = called("run", str(sracl_recipe(home, users=USERS, epochs=EPOCHS)), "--device", "cpu", environment=project(home))
    assert done.returncode == 0, done.stderr
    return home


def wait_for_epoch(home: Path, process: object, epoch: int) -> None:
    """Until the store knows of this epoch."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        if (home / ".sracl" / "store.db").exists():
            with Reader.open(home / ".sracl" / "store.db") as store:
                if any((run.epoch or 0) >= epoch for run in queries.runs(store)):
                    return
        time.sleep(0.01)
    raise AssertionError("training did not get under way")


def killed_and_continued(home: Path, undisturbed: Path, number: signal.Signals, after_epoch: int, delay: float) -> None:
    recipe = str(sracl_recipe(home, users=USERS, epochs=EPOCHS))
    environment = {**project(home), "SRACL_CACHE_DIR": str(undisturbed / "cache")}
    let_train(home, EPOCHS - 1)
    process = start("run", recipe, *HELD, "--device", "cpu", environment=environment)
    wait_for_epoch(home, process, after_epoch)
    time.sleep(delay)
    process.send_signal(number)
    process.communicate(timeout=300)
    assert process.returncode == -number
    let_train(home)
    again = called("run", recipe, *HELD, "--device", "cpu", environment=environment)
    assert again.returncode == 0, again.stderr
    ours, theirs = outcome(home), outcome(undisturbed)
    assert ours[0].state == "completed"
    assert ours[1] == theirs[1]  # every final figure, bit for bit
    assert ours[2] == theirs[2]  # every epoch's losses and validation metrics, each once
    places = home / "runs" / ours[0].id, undisturbed / "runs" / theirs[0].id
    weights, expected = (load_file(place / "best.safetensors") for place in places)
    assert all((weights[name] == expected[name]).all() for name in expected)


@pytest.mark.parametrize(("after_epoch", "delay"), [(1, 0.0), (3, 0.11)])
def test_kill_9_then_the_same_command_equals_an_uninterrupted_run(
    tmp_path: Path, undisturbed: Path, after_epoch: int, delay: float
) -> None:
    killed_and_continued(tmp_path, undisturbed, signal.SIGKILL, after_epoch, delay)


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(20))
def test_kill_9_at_a_random_moment_20_times(tmp_path: Path, undisturbed: Path, trial: int) -> None:
    chance = random.Random(trial)
    killed_and_continued(tmp_path, undisturbed, signal.SIGKILL, chance.randint(1, 4), chance.uniform(0, 0.5))


@pytest.mark.parametrize(
    ("number", "code", "reason", "options"),
    [
        (signal.SIGINT, 130, "Ctrl-C", []),
        (signal.SIGTERM, 143, "SIGTERM", []),
        (signal.SIGALRM, 75, "its time was up", ["--max-time", "9h"]),  # what the system's alarm clock sends after nine hours
    ],
)
def test_asked_to_stop_it_marks_the_run_interrupted_and_goes_on_later(
    tmp_path: Path, undisturbed: Path, number: signal.Signals, code: int, reason: str, options: list[str]
) -> None:
    recipe = str(sracl_recipe(tmp_path, users=USERS, epochs=EPOCHS))
    environment = {**project(tmp_path), "SRACL_CACHE_DIR": str(undisturbed / "cache")}
    let_train(tmp_path, EPOCHS - 1)
    process = start("run", recipe, *HELD, "--device", "cpu", *options, environment=environment)
    wait_for_epoch(tmp_path, process, 1)
    process.send_signal(number)
    let_train(tmp_path)  # to the next step, where it heeds the signal
    _, errors = process.communicate(timeout=300)
    assert process.returncode == code
    assert "run the same command to go on" in errors
    interrupted = outcome(tmp_path)[0]
    assert (interrupted.state, interrupted.reason) == ("interrupted", reason)
    log = (tmp_path / "runs" / interrupted.id / "log.txt").read_text()
    assert ("checkpoint after step" in log) == (number != signal.SIGINT)
    assert called("run", recipe, *HELD, "--device", "cpu", environment=environment).returncode == 0
    assert outcome(tmp_path)[1] == outcome(undisturbed)[1]


def test_a_second_process_leaves_the_run_to_the_first(tmp_path: Path, undisturbed: Path) -> None:
    recipe = str(sracl_recipe(tmp_path, users=USERS, epochs=2))
    environment = {**project(tmp_path), "SRACL_CACHE_DIR": str(undisturbed / "cache")}
    let_train(tmp_path, 1)
    first = start("run", recipe, *HELD, "--device", "cpu", environment=environment)
    wait_for_epoch(tmp_path, first, 1)
    second = called("run", recipe, *HELD, "--device", "cpu", environment=environment)
    assert second.returncode == 6
    assert "another process is training this run" in second.stderr
    let_train(tmp_path)
    first.communicate(timeout=300)
    assert first.returncode == 0
    run, figures, _ = outcome(tmp_path)
    assert run.state == "completed"
    assert run.attempt == 1
    assert figures


def test_done_is_done_and_torch_stays_out(undisturbed: Path) -> None:
    again = sracl("run", str(undisturbed / "small.toml"), "--json", environment=project(undisturbed))
    assert again.returncode == 0, again.stderr
    assert "nothing left to do, its run is done" in again.stderr
    board = json.loads(again.stdout)
    assert board["data"]
    assert outcome(undisturbed)[0].attempt == 1
