"""Whether a worker lives, and seeing to it that one does."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sracl import paths
from sracl.errors import ResourceError
from sracl.jobs import workers
from tests.support.jobs import add, store_file, surroundings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    add(tmp_path, "")
    return tmp_path


def test_who_looks_whether_a_worker_lives_is_not_taken_for_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: None)  # the lock is free again at once, as if the worker had left
    assert workers.ensure_worker()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            workers.is_alive()

    screen = threading.Thread(target=look)
    screen.start()
    try:
        assert all(workers.ensure_worker() for _ in range(100))
    finally:
        over.set()
        screen.join()


def test_who_looks_for_long_is_not_taken_for_one_either(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: None)
    paths.worker_lock().touch()
    flock, looks = fcntl.flock, threading.Event()

    def slow(file: int, operation: int) -> None:
        flock(file, operation)
        if threading.current_thread() is screen and operation & fcntl.LOCK_NB:
            looks.set()
            time.sleep(0.3)  # as a process that others keep from the processor just now

    screen = threading.Thread(target=workers.is_alive)
    monkeypatch.setattr(fcntl, "flock", slow)
    screen.start()
    assert looks.wait(300)
    assert workers.ensure_worker()
    screen.join()


def test_whether_a_worker_lives_is_seen_by_who_may_only_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.worker_lock().touch()
    opened = os.open

    def read_only(path: Any, flags: int, *rest: Any) -> int:
        if flags & (os.O_RDWR | os.O_WRONLY | os.O_CREAT):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, flags, *rest)

    monkeypatch.setattr(os, "open", read_only)
    assert not workers.is_alive()


def test_a_worker_that_cannot_be_started_is_said_to_be(home: Path) -> None:
    (store_file(home).parent / "worker.log").mkdir()
    with pytest.raises(ResourceError, match=r"No worker can be started: .*worker.log: Is a directory. What waits is kept"):
        workers.ensure_worker()
