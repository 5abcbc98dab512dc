"""Workers and jobs as real processes, ended by real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sracl.jobs import worker as subject
from sracl.jobs.children import Child
from sracl.jobs.claims import Claims
from sracl.jobs.worker import Worker
from sracl.tracking import identity
from sracl.tracking.queue import Queue
from sracl.tracking.store import Store
from tests.support.jobs import add, end, rows, store_file, surroundings, swept, wait_until, worker

SLEEP = "import time; print('under way', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
ENDS_WELL = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('under way', flush=True); time.sleep(600)"
)
WAITS = """
import os, time
print("under way", flush=True)
while not os.path.exists("go"):
    time.sleep(0.02)
open("done.txt", "a").write("x")
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with swept(tmp_path):
        yield tmp_path


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker of this process, which is given its turns."""
    for name, value in surroundings(home).items():
        monkeypatch.setenv(name, value)
    with Store.open(store_file(home)) as store:
        yield Worker(store, Claims(home / "claims"), slots=1, report=lambda line: None)


def turns_until(home: Path, here: Worker, state: str, number: int = 1) -> None:
    """Turns of a worker, until a job is in this state."""
    until = time.monotonic() + 300
    while rows(home)[number].state != state:
        assert time.monotonic() < until
        here._turn()
        time.sleep(0.02)


def running(found: dict[int, Any]) -> bool:
    return all(row.state == "running" and row.pid for row in found.values())


def printed(home: Path, text: str, label: str = "job") -> None:
    """Until a job has printed this, so that it is known to be beyond its start."""
    until = time.monotonic() + 300
    while text not in ((home / f"{label}.txt").read_text() if (home / f"{label}.txt").exists() else ""):
        assert time.monotonic() < until
        time.sleep(0.02)


def act(home: Path, what: str, *arguments: Any) -> Any:
    with Store.open(store_file(home)) as store:
        return getattr(Queue(store), what)(*arguments)


def ended(home: Path, *processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.wait(timeout=300) == 0, process.stderr.read() if process.stderr else ""


class TestEndings:
    def test_each_with_its_state_code_and_reason(self, home: Path) -> None:
        add(home, "print('well')", label="good")
        add(home, "import sys; print('the reason'); sys.exit(5)", label="bad")
        add(home, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", label="killed")
        ended(home, worker(home))
        good, bad, killed = rows(home).values()
        assert (good.state, good.code, good.reason) == ("completed", 0, "")
        assert (bad.state, bad.code, bad.reason) == ("failed", 5, "the reason")
        assert (killed.state, killed.code) == ("interrupted", 137)
        assert "SIGKILL" in killed.reason
        assert "well" in (home / "good.txt").read_text()

    def test_a_command_that_does_not_exist(self, home: Path) -> None:
        with Store.open(store_file(home)) as store:
            Queue(store).add(label="none", command=["no-such-command"], folder=home, log=home / "none.txt")
        ended(home, worker(home))
        assert rows(home)[1].state == "failed"
        assert "cannot be started" in rows(home)[1].reason


def test_priority_decides_and_a_slot_is_used_by_one_at_a_time(home: Path) -> None:
    script = "open('order.txt', 'a').write(__import__('os').environ['SRACL_JOB'] + ' ')"
    add(home, script, count=3)
    act(home, "move", 3, 5)
    ended(home, worker(home))
    assert (home / "order.txt").read_text() == "3 1 2 "


class TestCancel:
    def test_a_running_job_is_asked_first(self, home: Path) -> None:
        (number,) = add(home, SLEEP)
        process = worker(home)
        printed(home, "under way")
        act(home, "cancel", number)
        ended(home, process)
        assert (rows(home)[number].state, rows(home)[number].code) == ("cancelled", 143)

    def test_the_second_time_it_is_killed_at_once(self, home: Path, here: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subject, "GRACE_SECONDS", 3600.0)
        (number,) = add(home, STUBBORN)
        here._turn()
        printed(home, "deaf")
        act(home, "cancel", number)
        for _ in range(5):
            here._turn()
            time.sleep(0.1)
        assert rows(home)[number].state == "running"
        act(home, "cancel", number)
        turns_until(home, here, "cancelled")
        assert rows(home)[number].code == 137

    def test_one_that_does_not_end_in_time_is_killed(self, home: Path, here: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(subject, "GRACE_SECONDS", 0.5)
        (number,) = add(home, STUBBORN)
        here._turn()
        printed(home, "deaf")
        act(home, "cancel", number)
        turns_until(home, here, "cancelled")
        assert rows(home)[number].code == 137

    def test_paused_it_goes_on_later(self, home: Path) -> None:
        (number,) = add(home, SLEEP)
        process = worker(home)
        printed(home, "under way")
        act(home, "pause", number)
        ended(home, process)
        assert rows(home)[number].state == "paused"
        act(home, "resume", number)
        again = worker(home)
        wait_until(home, lambda found: found[number].attempt == 2 and running(found))
        act(home, "cancel", number)
        ended(home, again)


def test_a_command_that_knows_no_checkpoints_is_not_harmed_by_the_wish(home: Path) -> None:
    (number,) = add(home, WAITS)
    process = worker(home)
    printed(home, "under way")
    act(home, "checkpoint", number)
    wait_until(home, lambda found: not found[number].wanted)
    (home / "go").touch()
    ended(home, process)
    assert rows(home)[number].state == "completed"


class TestDeaths:
    def test_a_worker_that_is_killed_leaves_its_jobs_to_the_next(self, home: Path) -> None:
        (number,) = add(home, WAITS)
        first = worker(home)
        printed(home, "under way")  # one that is known, and not yet told to begin, would end with its worker
        end(first)
        assert rows(home)[number].state == "running"
        assert len(list((home / "claims").glob("*.claim"))) == 1
        (home / "go").touch()
        ended(home, worker(home))
        job = rows(home)[number]
        assert job.attempt == 1
        assert (home / "done.txt").read_text() == "x"
        assert job.state == "interrupted"  # its exit code went to the worker that died, and no run tells how it ended
        assert "its process is gone" in job.reason

    def test_a_job_that_is_killed_is_retried_by_hand_alone(self, home: Path) -> None:
        (number,) = add(home, SLEEP)
        process = worker(home)
        printed(home, "under way")
        os.kill(rows(home)[number].pid or 0, signal.SIGKILL)
        ended(home, process)
        assert (rows(home)[number].state, rows(home)[number].attempt) == ("interrupted", 1)
        ended(home, worker(home))
        assert rows(home)[number].attempt == 1

    def test_when_both_are_gone_it_is_seen_at_once(self, home: Path) -> None:
        (number,) = add(home, SLEEP)
        process = worker(home)
        printed(home, "under way")
        job = rows(home)[number]
        end(process)
        os.kill(job.pid or 0, signal.SIGKILL)
        wait_until(home, lambda found: found[number].state == "interrupted")

    def test_a_stopped_job_is_never_started_twice_and_ends_when_it_goes_on(self, home: Path) -> None:
        (number,) = add(home, WAITS)
        process = worker(home)
        printed(home, "under way")
        job = rows(home)[number]
        os.kill(job.pid or 0, signal.SIGSTOP)
        (home / "go").touch()
        time.sleep(2.5)
        assert rows(home)[number].state == "running"
        os.kill(job.pid or 0, signal.SIGCONT)
        ended(home, process)
        assert (rows(home)[number].state, (home / "done.txt").read_text()) == ("completed", "x")
        assert (home / "job.txt").read_text().count("under way") == 1

    def test_a_stopped_job_can_be_cancelled(self, home: Path) -> None:
        (number,) = add(home, ENDS_WELL)
        process = worker(home)
        printed(home, "under way")
        os.kill(rows(home)[number].pid or 0, signal.SIGSTOP)
        act(home, "cancel", number)
        ended(home, process)
        assert rows(home)[number].state == "completed"  # it was asked, and it ended by itself, with code 0

    def test_a_process_with_the_same_number_is_never_signalled(self) -> None:
        with subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as foreign:
            known = identity.of(foreign.pid)
            assert known is not None
            impostor = Child({**known, "pid_started": known["pid_started"] - 1})
            earlier_boot = Child({**known, "boot_id": "another boot"})
            for child in (impostor, earlier_boot):
                assert child.is_over
                child.signal(signal.SIGKILL)
            time.sleep(0.2)
            assert foreign.poll() is None
            Child(known).signal(signal.SIGKILL)
            assert foreign.wait(timeout=300) == -signal.SIGKILL


@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=pytest.mark.slow)])
def test_every_job_is_done_once_however_many_workers_there_are(home: Path, count: int) -> None:
    script = "import os; print(os.environ['SRACL_JOB'], file=open('done.txt', 'a'))"  # a line is one write
    numbers = add(home, script, count=count)
    crew = [worker(home, slots=3) for _ in range(3)]
    for process in crew:
        assert process.wait(timeout=1200) == 0
    done = Counter(int(line) for line in (home / "done.txt").read_text().split())
    assert done == Counter(numbers)
    assert {(row.state, row.attempt) for row in rows(home).values()} == {("completed", 1)}


def test_who_lets_a_job_wait_while_the_last_worker_leaves_is_served(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in surroundings(home).items():
        monkeypatch.setenv(name, value)
    from sracl.jobs import workers

    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.0)
    for trial in range(4):
        add(home, "", label=f"j{trial}")
        workers.ensure_worker()
        wait_until(home, lambda found: all(row.state == "completed" for row in found.values()))  # and the worker is about to leave
    assert Counter(row.attempt for row in rows(home).values()) == {1: 4}
    for line in (home / ".sracl" / "worker.log").read_text().splitlines():
        assert "Traceback" not in line
