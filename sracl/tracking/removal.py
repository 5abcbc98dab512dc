"""The part of the writer that takes runs out, with all that is their own, in a transaction of the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import col, delete, select

from sracl.tracking.jobs import RUN_REMOVED, UNFINISHED
from sracl.tracking.tables import Artifact, Entry, Job, Metric, Note, Point, Run, Tag
from sracl.tracking.values import now

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlmodel import Session

_OF_A_RUN = (Artifact, Entry, Metric, Note, Point, Tag)


def take_out(session: Session, run_ids: Collection[str]) -> None:
    """Delete runs and what hangs on them alone. Recipes and protocols, which others share, stay; jobs stay and say what became of theirs.

    Args:
        session: Within a transaction of `Store.writing`.
        run_ids: The runs, at most some hundreds: each is a variable of one statement.
    """
    for job in session.exec(select(Job).where(col(Job.run_id).in_(run_ids))):
        before = f" ({job.reason})" if job.reason else ""
        job.run_id, job.reason = None, f"{RUN_REMOVED}{job.run_id}{before}"
        if job.state in UNFINISHED:  # its processes are gone, or the run would not be removed: no worker is to take it over
            job.state, job.wanted, job.finished = "interrupted", "", now()
    session.flush()
    for table in _OF_A_RUN:
        session.execute(delete(table).where(col(table.run_id).in_(run_ids)))
    session.execute(delete(Run).where(col(Run.id).in_(run_ids)))
