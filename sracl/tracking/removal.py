"""The part of the writer that takes a run out, with all that is its own, in a transaction of the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, delete, select

from sracl.tracking.jobs import RUN_REMOVED, UNFINISHED
from sracl.tracking.tables import Artifact, Entry, Job, Metric, Point, Run
from sracl.tracking.values import now

if TYPE_CHECKING:
    from sqlmodel import Session

_OF_A_RUN = (Artifact, Entry, Metric, Point)


def take_out(session: Session, run_id: str) -> None:
    """Delete a run and what hangs on it alone. Recipes and protocols, which others share, stay; its jobs stay and say what became of it.

    Args:
        session: Within a transaction of `Store.writing`.
        run_id: The run.
    """
    for job in session.exec(select(Job).where(col(Job.run_id) == run_id)):
        before = f" ({job.reason})" if job.reason else ""
        job.run_id, job.reason = None, f"{RUN_REMOVED}{run_id}{before}"
        if job.state in UNFINISHED:  # its processes are gone, or the run would not be removed: no worker is to take it over
            job.state, job.wanted, job.finished = "interrupted", "", now()
    session.flush()
    for table in _OF_A_RUN:
        session.execute(delete(table).where(col(table.run_id) == run_id))
    session.execute(delete(Run).where(col(Run.id) == run_id))
