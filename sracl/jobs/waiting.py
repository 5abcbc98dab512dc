"""Waits for jobs to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sracl import paths
from sracl.errors import ResourceError
from sracl.jobs.workers import ensure_worker, is_alive
from sracl.tracking import jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sracl.tracking.jobs import JobRow
    from sracl.tracking.reader import Reader

_LOOK_SECONDS = 0.5
_STARTS, _START_SECONDS = 3, 60.0
"""More workers than this within so many seconds are none that work."""
_GONE_CODE = 1
"""Exit code of a job that nobody saw end."""


def wait(store: Reader, numbers: Collection[int], report: Callable[[JobRow], None]) -> int:
    """Wait until every one of these jobs has ended or is paused; the code of the worst.

    Args:
        store: Holds the queue.
        numbers: What to wait for.
        report: Told of each that ends.

    Returns:
        0 if all completed, else the highest exit code among those that did not.

    Raises:
        ResourceError: Waiting would have no end: the queue is on hold, or what is left needs a device that is not there, or
            workers end as soon as they begin.
    """
    told: set[int] = set()
    has_looked = False
    starts: list[float] = []
    while True:
        rows = jobs.jobs(store, numbers=numbers)
        for row in rows:
            if not row.needs_worker and row.number not in told:
                told.add(row.number)
                report(row)
        left = [row for row in rows if row.needs_worker]
        if not left:
            return max((_code(row) for row in rows), default=0)
        if all(row.state == "queued" for row in left) and jobs.is_paused(store):
            raise ResourceError(f"The queue is on hold, and {len(left)} of the jobs wait. `sracl queue start` lets them begin.")
        is_hopeless = has_looked and all(row.cannot_begin for row in left)
        if is_hopeless and not is_alive():
            raise ResourceError("\n".join(f"Job {row.number}, {row.label}, {row.reason}." for row in left))
        has_looked = True
        if not is_hopeless and ensure_worker():  # should the last one have died
            starts = [*(at for at in starts if at > time.monotonic() - _START_SECONDS), time.monotonic()]
        if len(starts) > _STARTS:
            raise ResourceError(
                f"Workers end as soon as they begin, so that what is left would wait for ever. {paths.worker_log()} says why."
            )
        time.sleep(_LOOK_SECONDS)


def _code(row: JobRow) -> int:
    if row.state == "completed":
        return 0
    return row.code or _GONE_CODE
