"""How a job ended, in a word, a code and a reason."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from sracl.errors import SraclError
from sracl.tracking import queries

if TYPE_CHECKING:
    from sracl.tracking.jobs import JobRow, JobState
    from sracl.tracking.queries import RunRow
    from sracl.tracking.store import Store

_LAST_BYTES = 4096
_BY_SIGNAL = 128


def ending(store: Store, job: JobRow, code: int | None) -> tuple[JobState, int | None, str]:
    """State, exit code and reason of a job whose process has ended.

    Args:
        store: Tells what became of the run.
        job: As it was before.
        code: Exit code of its process; None where that cannot be known, since another worker started it.
    """
    run = _run(store, job)
    was_ended = code is None or bool(job.wanted) or _is_of_signal(code)
    if code == 0 or (was_ended and run is not None and run.state == "completed"):
        return "completed", 0, ""
    has_failed = run is not None and run.state == "failed" and _ended_since(run, job)
    if code is None and has_failed:
        code = 1
    if job.wanted in ("cancel", "kill"):
        return "cancelled", code or _BY_SIGNAL + signal.SIGTERM, "by the user"
    if job.wanted == "pause":
        return "paused", code, "goes on after its last checkpoint" if run else ""
    if code is None:
        what = "its process is gone" if job.pid else "its worker died while it was being started"
        return "interrupted", None, f"{what}; retry it to go on"
    if _is_of_signal(code):
        return "interrupted", code, _of_signal(code - _BY_SIGNAL)
    if run is not None and has_failed and run.reason:
        return "failed", code, run.reason
    return "failed", code, _last_line(Path(job.log)) or f"exit code {code}"


def _ended_since(run: RunRow, job: JobRow) -> bool:
    """Whether the run ended in this attempt of the job, and not in one before."""
    return job.started is not None and run.finished is not None and run.finished >= job.started


def _run(store: Store, job: JobRow) -> RunRow | None:
    if job.run_id is None:
        return None
    try:
        return queries.run(store, job.run_id)
    except SraclError:
        return None


def _is_of_signal(code: int) -> bool:
    return code - _BY_SIGNAL in signal.valid_signals()


def _of_signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:  # those for real time have no names
        name = f"signal {number}"
    hint = "; the system does that when memory runs out" if number == signal.SIGKILL else ""
    return f"ended by {name}, which this queue did not send{hint}"


def _last_line(log: Path) -> str:
    """The last line that says something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LAST_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
