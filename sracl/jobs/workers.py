"""Sees to it that a worker lives, and that the last one does not leave while a job waits."""

from __future__ import annotations

import fcntl
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sracl import paths
from sracl.devices import slots_asked_for
from sracl.errors import ResourceError
from sracl.invocation import command, import_path
from sracl.jobs.claims import Claims
from sracl.jobs.worker import Worker
from sracl.tracking import jobs
from sracl.tracking.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDLE_SECONDS = 10.0
"""How long a worker that nobody asked for stays when there is nothing to do."""

INHERITED = "SRACL_WORKER_LOCK"
"""Descriptor of the lock that a worker gets from whoever started it."""


def ensure_worker() -> bool:
    """Start a worker, apart from this process and its terminal, unless one lives; whether one was started.

    It has the environment of this process, keys for language models included.

    Raises:
        ResourceError: It cannot be started.
        UsageError: `SRACL_SLOTS` is no number of jobs.
    """
    slots_asked_for()  # or the worker would end at once, and say why in its log alone
    try:
        return _ensure_worker()
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise ResourceError(
            f"No worker can be started: {where}{error.strerror}. What waits is kept; `sracl queue start` tries again."
        ) from error


def _ensure_worker() -> bool:
    with _lock_file() as file:
        with _nobody_else_looks():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        # the lock passes on without ever being free, so that of two that look at the same time one starts a worker
        os.set_inheritable(file, True)
        with paths.worker_log().open("ab") as log:
            subprocess.Popen(
                command("worker", "--idle-exit", str(IDLE_SECONDS)),
                env={**os.environ, **import_path(), INHERITED: str(file)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[file],
            )
        return True


def is_alive() -> bool:
    """Whether the project has a worker."""
    try:
        file = os.open(paths.worker_lock(), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    with _nobody_else_looks():
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
    return False


def work(*, slots: int, idle_exit: float | None, report: Callable[[str], None]) -> None:
    """Be a worker of the project, beside others if there are any."""
    with Store.open(paths.store_file()) as store:
        worker = Worker(store, Claims(paths.claims()), slots=slots, report=report)
        while True:
            with _lock_file(int(os.environ.pop(INHERITED, -1))) as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                worker.work(idle_exit=idle_exit)
            # Who let a job wait while the lock was still held has relied on this worker.
            waiting = jobs.waiting(store)
            if worker.is_leaving or jobs.is_paused(store) or all(row.reason.startswith(jobs.CANNOT_BEGIN) for row in waiting):
                return


@contextmanager
def _nobody_else_looks() -> Iterator[None]:
    """To look whether a worker lives is to take its lock for a moment: who looks at the same time would find a worker that is none."""
    folder = os.open(paths.worker_lock().parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


@contextmanager
def _lock_file(descriptor: int = -1) -> Iterator[int]:
    if descriptor < 0:
        paths.worker_lock().parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(paths.worker_lock(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    else:
        os.set_inheritable(descriptor, False)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
