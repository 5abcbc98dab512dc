"""Runs as jobs: what `sracl run --detach` and `sracl queue add` do with plans."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from sracl import listing
from sracl.cli.planning import demand_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sracl.recipes.plan import Plan


def detach(plans: Sequence[Plan], *, device: str, priority: int = 0, as_json: bool = False) -> None:
    """Let the runs of plans wait for devices, and print their jobs.

    Raises:
        DataError: Data sets are absent; nothing is queued then.
        UsageError: A queue cannot promise the device, or `SRACL_SLOTS` is no number of jobs.
    """
    from sracl import paths
    from sracl.devices import slots_asked_for
    from sracl.errors import UsageError
    from sracl.jobs.enqueue import enqueue
    from sracl.jobs.workers import ensure_worker
    from sracl.tracking.store import Store

    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(
            f"A queue chooses among devices itself: it takes auto, cpu or cuda, got '{device}'. CUDA_VISIBLE_DEVICES limits it."
        )
    slots_asked_for()  # no worker would begin what is queued
    demand_data(plans)
    with Store.open(paths.store_file()) as store:
        entered = [entry for plan in plans for entry in enqueue(store, plan, device=device, priority=priority)]
    if any(entry.job for entry in entered):
        ensure_worker()
    if as_json:
        print(
            listing.as_json([{"id": entry.job, "run_id": entry.run_id, "label": entry.label, "status": entry.status} for entry in entered])
        )
        return
    print(listing.aligned([["job", "run", "what", ""], *([str(e.job or ""), e.run_id, e.label, e.status] for e in entered)], left=4))
    print(
        "`sracl queue ls` and `sracl tui` show them, `sracl queue wait` waits for them, `sracl logs -f JOB` follows one.", file=sys.stderr
    )
