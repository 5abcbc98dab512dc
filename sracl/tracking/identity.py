"""Which process a run belongs to, and whether it still lives. Nothing here ever sends a signal.

A bare process id is not enough: ids are given out again, and every machine has the same ones. A process is known by
host, boot, id and moment of start together.
"""

from __future__ import annotations

import os
import socket
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sracl.tracking.jobs import JobRow
    from sracl.tracking.queries import RunLine, RunRow
    from sracl.tracking.tables import Job, Run

State: TypeAlias = Literal["planned", "running", "stalled", "stalled?", "stale?", "completed", "failed", "interrupted", "cancelled"]

UNDER_WAY: tuple[State, ...] = ("running", "stalled", "stalled?", "stale?")
"""States of a run that a process has, or may have."""

NO_STEP = "no step for "
"""Beginning of the reason of a run whose process gives signs of life while its training does not go on; how long follows."""

STALE_AFTER = timedelta(seconds=60)
"""Silence after which a run on another machine is in doubt."""

STALLED_AFTER = timedelta(seconds=30)
"""Silence after which a process of this machine that lives has been stopped, or is stuck."""

_FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""The inode Linux gives the namespace of the machine itself."""


class Identity(TypedDict):
    """One process, told apart from all others, past and future; as the columns of a run keep it."""

    host: str
    boot_id: str
    """Changes when the machine restarts."""
    pid: int
    pid_started: float
    """Clock ticks since boot on Linux, where setting the clock cannot change it; else seconds since 1970."""


def current() -> Identity:
    """This process."""
    found = of(os.getpid())
    if found is None:
        raise RuntimeError(f"process {os.getpid()} cannot find itself")
    return found


def of(pid: int) -> Identity | None:
    """The process of this machine that has this id now; None if there is none, or only its unreaped remains."""
    started = _started(pid)
    return None if started is None else {"host": socket.gethostname(), "boot_id": _boot(), "pid": pid, "pid_started": started}


def presence(process: Mapping[str, Any]) -> Literal["alive", "gone", "elsewhere"]:
    """Whether an `Identity` runs on this machine, has ended, or cannot be seen from here."""
    if process["host"] != socket.gethostname():
        return "elsewhere"
    boot, _, namespace = process["boot_id"].partition("/")
    own_boot, _, own_namespace = _boot().partition("/")
    if boot != own_boot:
        return "gone"
    if namespace != own_namespace:
        return "elsewhere"  # a container of the same name on the same machine: its process ids are not ours
    return "alive" if _started(process["pid"]) == process["pid_started"] else "gone"


def owner(run: Run | RunLine | RunRow | Job | JobRow) -> Identity | None:
    """The process that was last started for a run or a job."""
    if run.host is None or run.boot_id is None or run.pid is None or run.pid_started is None:
        return None
    return {"host": run.host, "boot_id": run.boot_id, "pid": run.pid, "pid_started": run.pid_started}


def shown_state(run: RunLine | RunRow, at: datetime) -> State:
    """The state of a run at a moment: what it last wrote, unless its process tells otherwise."""
    if run.state != "running":
        return run.state
    where = presence(process) if (process := owner(run)) else "gone"
    if where == "gone":
        return "interrupted"
    if where == "alive" and run.heartbeat is not None and at - run.heartbeat > STALLED_AFTER:
        return "stalled"
    if where == "elsewhere" and (run.heartbeat is None or at - run.heartbeat > STALE_AFTER):
        return "stale?"
    return "stalled?" if run.reason.startswith(NO_STEP) else "running"


@cache
def _boot() -> str:
    """Id of this boot, with the process namespace behind a slash inside a container."""
    if sys.platform != "linux":
        import psutil

        return str(int(psutil.boot_time()))
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:  # some sandboxes hide it; then all processes seen are taken to share one
        return boot
    return boot if namespace == _FIRST_PID_NAMESPACE else f"{boot}/{namespace}"


def _started(pid: int) -> float | None:
    """When the process with this id started; None if there is none, or only its unreaped remains."""
    if sys.platform == "linux":
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if after_name[0] in "ZX" else float(after_name[19])  # fields 3 (state) and 22 (start) of proc(5)
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.NoSuchProcess:
        return None
