"""Workers and jobs of a project in a folder, as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sracl.tracking import identity, jobs
from sracl.tracking.jobs import JobRow
from sracl.tracking.queue import Queue
from sracl.tracking.reader import Reader
from sracl.tracking.store import Store
from tests.support.recipes import project


def surroundings(home: Path, *, slots: int = 1) -> dict[str, str]:
    """An environment whose store, caches and claims on devices lie in this folder."""
    return {**project(home), "SRACL_CLAIMS": str(home / "claims"), "SRACL_SLOTS": str(slots), "CUDA_VISIBLE_DEVICES": ""}


def store_file(home: Path) -> Path:
    """Of a project in this folder."""
    return home / ".sracl" / "store.db"


def add(home: Path, script: str, *, label: str = "job", count: int = 1) -> list[int]:
    """Let a Python script wait, so many times."""
    with Store.open(store_file(home)) as store:
        queue = Queue(store)
        command: Sequence[str] = [sys.executable, "-S", "-c", script]
        return [queue.add(label=label, command=command, folder=home, log=home / f"{label}.txt") for _ in range(count)]


def worker(home: Path, *arguments: str, slots: int = 1) -> subprocess.Popen[str]:
    """A worker that leaves as soon as there is nothing to do."""
    command = [sys.executable, "-m", "sracl", "worker", "--idle-exit", "0", *arguments]
    environment = surroundings(home, slots=slots)
    return subprocess.Popen(command, env=environment, text=True, stderr=subprocess.PIPE, start_new_session=True)


@contextmanager
def swept(home: Path) -> Iterator[Path]:
    """The folder of a project, whose jobs do not outlive it."""
    yield home
    if store_file(home).exists():
        for row in rows(home).values():
            if (process := identity.owner(row)) and identity.presence(process) == "alive":
                os.kill(process["pid"], signal.SIGKILL)


def rows(home: Path) -> dict[int, JobRow]:
    """Every job, by number."""
    with Reader.open(store_file(home)) as store:
        return {row.number: row for row in jobs.jobs(store)}


def wait_until(home: Path, holds: Callable[[dict[int, JobRow]], bool], *, seconds: float = 300) -> dict[int, JobRow]:
    """Until something holds of the jobs."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = rows(home)
        if holds(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"after {seconds} s: {[(row.number, row.state, row.reason) for row in rows(home).values()]}")


def end(process: subprocess.Popen[str]) -> None:
    """Kill a process and all of its group, whatever it is doing."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)
