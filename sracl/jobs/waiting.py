"""Waits for jobs to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sracl.errors import ResourceError
from sracl.jobs.workers import ensure_worker
from sracl.tracking import jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sracl.tracking.jobs import JobRow
    from sracl.tracking.reader import Reader

_LOOK_SECONDS = 0.5
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
        ResourceError: The queue is on hold and nothing runs, so that waiting would have no end.
    """
    told: set[int] = set()
    while True:
        rows = jobs.jobs(store, numbers=numbers)
        for row in rows:
            if not row.is_active and row.number not in told:
                told.add(row.number)
                report(row)
        left = [row for row in rows if row.is_active]
        if not left:
            return max((_code(row) for row in rows), default=0)
        if all(row.state == "queued" for row in left) and jobs.is_paused(store):
            raise ResourceError(f"The queue is on hold, and {len(left)} of the jobs wait. `sracl queue start` lets them begin.")
        ensure_worker()  # should the last one have died
        time.sleep(_LOOK_SECONDS)


def _code(row: JobRow) -> int:
    if row.state == "completed":
        return 0
    return row.code or _GONE_CODE
