"""Jobs and what looks at them, killed and stopped at any moment: nothing is lost, nothing is done twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl.tracking import identity, queries
from sracl.tracking.queries import RunRow
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from tests.support.jobs import add, rows, store_file, surroundings, swept, wait_until
from tests.support.recipes import HELD, called, let_train, sracl_recipe
from tests.support.terminal import Terminal
from tests.tui.support import add as register

EPOCHS = 6
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    done = called("run", str(sracl_recipe(home, epochs=EPOCHS)), "--device", "cpu", environment=surroundings(home))
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with swept(tmp_path):
        yield tmp_path


def outcome(home: Path) -> tuple[RunRow, dict[Any, float], dict[str, list[tuple[int, float]]]]:
    with Reader.open(store_file(home)) as store:
        (run,) = queries.runs(store)
        figures = {(row.split, row.protocol, row.group, row.name): row.value for row in queries.final_metrics(store, [run.id])}
        series = {name: points for name, points in queries.series(store, run.id).items() if not name.startswith("seconds.")}
    return run, figures, series


def detached(home: Path, undisturbed: Path) -> None:
    """A training that waits for its last epoch."""
    let_train(home, EPOCHS - 1)
    environment = {**surroundings(home), "SRACL_CACHE_DIR": str(undisturbed / "cache")}
    entered = called("run", str(sracl_recipe(home, epochs=EPOCHS)), *HELD, "--detach", environment=environment)
    assert entered.returncode == 0, entered.stderr


def until_epoch(home: Path, epoch: int) -> RunRow:
    end = time.monotonic() + 300
    while True:
        with Reader.open(store_file(home)) as store:
            (run,) = queries.runs(store)
        if (run.epoch or 0) >= epoch:
            return run
        assert time.monotonic() < end, (home / "runs" / run.id / "log.txt").read_text()
        time.sleep(0.01)


@pytest.mark.parametrize("trial", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 20))])
def test_a_training_that_is_killed_is_seen_dead_and_goes_on_when_it_is_retried(home: Path, undisturbed: Path, trial: int) -> None:
    chance = random.Random(trial)
    detached(home, undisturbed)
    run = until_epoch(home, chance.randint(1, 4))
    time.sleep(chance.uniform(0, 0.3))
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    wait_until(home, lambda found: found[1].state == "interrupted")
    assert outcome(home)[0].state == "interrupted"
    let_train(home)
    environment = surroundings(home)
    assert called("queue", "retry", "1", environment=environment).returncode == 0
    assert called("queue", "wait", environment=environment).returncode == 0
    ours, theirs = outcome(home), outcome(undisturbed)
    assert (ours[0].state, ours[0].attempt, rows(home)[1].attempt) == ("completed", 2, 2)
    assert ours[1] == theirs[1]  # every final figure, bit for bit
    assert ours[2] == theirs[2]  # every epoch's losses and validation metrics, each once


@pytest.mark.parametrize("trial", [0, *(pytest.param(number, marks=pytest.mark.slow) for number in range(1, 5))])
def test_the_terminal_interface_is_killed_while_jobs_run(home: Path, trial: int) -> None:
    chance = random.Random(trial)
    script = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nopen('done.txt', 'a').write('x')"
    add(home, script, count=3)
    environment = surroundings(home, slots=3)
    assert called("queue", "start", environment=environment).returncode == 0
    terminal = Terminal(environment)
    wait_until(home, lambda found: all(row.state == "running" for row in found.values()))
    until = time.monotonic() + 300
    while b"Quit" not in terminal.printed:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 1))
    os.killpg(terminal.process.pid, signal.SIGKILL)
    terminal.process.wait(timeout=300)
    assert {row.state for row in rows(home).values()} == {"running"}
    (home / "go").touch()
    found = wait_until(home, lambda found: all(row.state == "completed" for row in found.values()))
    assert {row.attempt for row in found.values()} == {1}
    assert (home / "done.txt").read_text() == "xxx"


def _write(path: Path, name: str, commits: int) -> None:
    with Store.open(path) as store:
        store.start(name, identity.current())
        for epoch in range(1, commits + 1):
            store.log(name, epoch, {"loss": 1 / epoch, "valid.mrr@10": epoch / commits})
        store.finish(name, "completed")


@pytest.mark.parametrize(("writers", "commits"), [(3, 60), pytest.param(8, 300, marks=pytest.mark.slow)])
def test_writers_beside_the_terminal_interface_lose_nothing(home: Path, writers: int, commits: int) -> None:
    names = [f"run{number}" for number in range(writers)]
    with Store.open(store_file(home)) as store:
        for name in names:
            register(store, name, variant=name)
    terminal = Terminal(surroundings(home))
    until = time.monotonic() + 300
    while b"run0" not in terminal.printed:  # it watches before anything is written, and takes keys
        assert time.monotonic() < until
        time.sleep(0.02)
    crew = [FORK.Process(target=_write, args=(store_file(home), name, commits)) for name in names]
    for process in crew:
        process.start()
    for process in crew:
        process.join(timeout=300)
        assert process.exitcode == 0
    with Reader.open(store_file(home)) as reader:
        for name in names:
            assert {series: len(points) for series, points in queries.series(reader, name).items()} == {
                "loss": commits,
                "valid.mrr@10": commits,
            }
    terminal.press("Q")
    assert terminal.process.wait(timeout=300) == 0
    assert b"locked" not in terminal.printed


@pytest.mark.slow
def test_a_run_that_is_stopped_for_a_minute_is_shown_as_stalled_and_never_started_twice(home: Path, undisturbed: Path) -> None:
    detached(home, undisturbed)
    run = until_epoch(home, 1)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGSTOP)
    time.sleep(60)
    assert outcome(home)[0].state == "stalled"
    assert (rows(home)[1].state, rows(home)[1].attempt) == ("stalled", 1)
    again = called("run", str(sracl_recipe(home, epochs=EPOCHS)), *HELD, "--device", "cpu", environment=surroundings(home))
    assert again.returncode == 6
    let_train(home)
    os.kill(run.pid, signal.SIGCONT)
    assert called("queue", "wait", environment=surroundings(home)).returncode == 0
    assert (outcome(home)[0].state, outcome(home)[0].attempt) == ("completed", 1)
    assert outcome(home)[1] == outcome(undisturbed)[1]
