"""The processes that carry jobs out: started, watched, ended. A process is signalled only while it is known to be the one meant."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sracl.jobs.surroundings import left_to_the_worker
from sracl.tracking import identity
from sracl.tracking.values import now

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

    from sracl.tracking.identity import Identity
    from sracl.tracking.jobs import JobRow


_WHEN_TOLD = 'read -r told && exec "$@" </dev/null'
"""A command that begins with the first line from the worker, and never does if that dies before: nobody would know of it."""


class Child:
    """One process, of our own or taken over from a worker that is gone."""

    def __init__(self, process: Identity, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.identity = process
        self._popen = popen

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        if self._popen is not None:
            return self._popen.poll() is not None
        return identity.presence(self.identity) != "alive"  # what another machine had is given up

    @property
    def code(self) -> int | None:
        """Exit code of one that is over, 128 + the signal where one ended it; None where only its parent was told."""
        if self._popen is None:
            return None
        returned = self._popen.returncode
        return returned if returned >= 0 else 128 - returned

    def begin(self) -> None:
        """Let a process that was just started do what it is for; one of which nobody could tell any more ends instead."""
        if self._popen is not None and self._popen.stdin is not None and not self._popen.stdin.closed:
            with suppress(BrokenPipeError):  # it was ended before
                self._popen.stdin.write(b"\n")
                self._popen.stdin.flush()
            with suppress(BrokenPipeError):
                self._popen.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and all it has started, if it is still there and no other process with its number."""
        if self._popen is not None:
            if self._popen.poll() is None:  # not reaped, so that nobody else can have its number
                _signal_group(self._popen.pid, number)
        elif identity.presence(self.identity) == "alive":
            _signal_group(self.identity["pid"], number)


def start(job: JobRow, *, environment: Mapping[str, str], inherited: Sequence[int]) -> Child:
    """Start the process of a job's command, apart from this one: closing a terminal does not reach it. It waits for `Child.begin`.

    Args:
        job: What to start. Its log is opened first, so that there is one whatever happens.
        environment: Variables on top of those of the job, and of those of this process that no job writes down.
        inherited: File descriptors that stay open in it.

    Raises:
        OSError: The command cannot be started, or its log not be written.
    """
    variables = {**left_to_the_worker(), **job.environment, **environment}
    if shutil.which(job.command[0], path=variables.get("PATH")) is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such program", job.command[0])
    log = Path(job.log)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        output.write(f"── {now().astimezone():%Y-%m-%d %H:%M:%S}  job {job.number}, attempt {job.attempt}: {job.label}\n".encode())
        output.flush()
        popen = subprocess.Popen(
            ["/bin/sh", "-c", _WHEN_TOLD, "sh", *job.command],
            cwd=job.folder,
            env=variables,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=inherited,
        )
    known = identity.of(popen.pid)
    return Child(known or {**identity.current(), "pid": popen.pid, "pid_started": -1.0}, popen)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)  # every job leads a group of its own
