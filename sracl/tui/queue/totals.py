"""The queue in one line: how many jobs there are, and whether anybody looks after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.tracking.jobs import JobRow

_STATES = ("running", "stalled", "queued", "paused")


def totals(found: Sequence[JobRow], later: int, *, on_hold: bool, has_worker: bool, key: str) -> str:
    """What is said below the jobs.

    Args:
        found: All jobs.
        later: How many of those that wait are not shown.
        on_hold: Whether no waiting job begins.
        has_worker: Whether a worker of this project lives on this machine.
        key: Starts a worker; empty where there is none that does.
    """
    if not found:
        waits = " A worker waits for one." if has_worker else ""
        return f"No job waits or runs. 5 launches a recipe; `sracl run RECIPE --detach` does the same.{waits}"
    counts = [f"{sum(job.state == state for job in found)} {state}" for state in _STATES]
    said = ", ".join(count for count in counts if not count.startswith("0 ")) or "all have ended"
    if later:
        said += f" ({later:,} that begin later are not shown; `sracl queue ls` lists them)"
    if on_hold:
        said += "; ON HOLD: no waiting job begins (D ends this)"
    if has_worker:
        return f"{said}; a worker {'looks after them' if any(job.needs_worker for job in found) else 'waits for more'}"
    if not is_worker_needed(found, on_hold=on_hold):
        return f"{said}; there is no worker, and none is needed"
    return f"{said}; there is no worker" + (f": {key} starts one" if key else "")


def is_worker_needed(found: Sequence[JobRow], *, on_hold: bool) -> bool:
    """Whether a worker would have anything to do."""
    return any(job.needs_worker and not (on_hold and job.state == "queued") for job in found)
