"""The part of the writer that keeps what users say of runs. Every function is one short, durable transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col, delete

from sracl.tracking.tables import Note, Tag
from sracl.tracking.tags import checked

if TYPE_CHECKING:
    from collections.abc import Collection

    from sracl.tracking.store import Store


def tag(store: Store, run_ids: Collection[str], *, add: Collection[str] = (), remove: Collection[str] = ()) -> None:
    """Give tags to runs, and take others away; what a run has already, or has not, stays so.

    Args:
        store: Where the runs are.
        run_ids: Runs that are there.
        add: Tags to give to each.
        remove: Tags to take from each.

    Raises:
        UsageError: A tag to give is no word.
    """
    rows = [{"run_id": run_id, "name": checked(name)} for run_id in run_ids for name in add]
    with store.writing() as session:
        if rows:
            session.execute(insert(Tag).on_conflict_do_nothing(), rows)
        session.execute(delete(Tag).where(col(Tag.run_id).in_(run_ids), col(Tag.name).in_(remove)))


def note(store: Store, run_id: str, text: str) -> None:
    """Keep a note on a run in place of the one it has; an empty one takes that away."""
    with store.writing() as session:
        session.execute(delete(Note).where(col(Note.run_id) == run_id))
        if text:
            session.add(Note(run_id=run_id, text=text))
