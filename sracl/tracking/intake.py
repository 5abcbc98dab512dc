"""The part of the writer that takes in runs which were trained elsewhere: all of them in one transaction of the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col, delete, select

from sracl.tracking import protocol as protocols
from sracl.tracking.tables import Artifact, Entry, Metric, Note, Point, Protocol, Recipe, Run, Tag
from sracl.tracking.values import canonical_cell, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlmodel import Session

_OF_A_RUN = (Artifact, Metric, Point)
_STATEMENTS = {
    "runs": insert(Run),
    "artifacts": insert(Artifact),
    "places": insert(Entry).on_conflict_do_nothing(),
    "tags": insert(Tag).on_conflict_do_nothing(),
    "notes": insert(Note).on_conflict_do_nothing(),
}
_FIGURES = {
    "points": "INSERT INTO point (run_id, name, epoch, value) VALUES (?, ?, ?, ?)",
    "figures": 'INSERT INTO metric (run_id, split, protocol, "group", name, value, count) VALUES (?, ?, ?, ?, ?, ?, ?)',
}
"""Of these there are hundreds a run: SQLite takes them as they are, without SQLAlchemy in between."""
_ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Arrival:
    """A completed run, in the columns of its tables but for its id."""

    run: Mapping[str, Any]
    """Of `tables.Run`, the id with them."""
    points: Sequence[tuple[str, int, float | None]]
    """Name, epoch and value of each point of its series; None is not a number."""
    figures: Sequence[tuple[str, str, str, str, float | None, int | None]]
    """Split, protocol, group, name, value and count of each final figure."""
    artifacts: Sequence[Mapping[str, Any]]
    """Of `tables.Artifact`."""


class Intake:
    """Takes runs into a store.

    Args:
        session: Within a transaction of `Store.writing`, which keeps all that is taken in or nothing.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: dict[str, list[Any]] = {name: [] for name in (*_STATEMENTS, *_FIGURES)}

    def recipe(self, name: str, source: str, report: Mapping[str, Any]) -> None:
        """Know a recipe; one that was run here stays as it is."""
        statement = insert(Recipe).values(name=name, source=source, report=plain(report))
        self._session.execute(statement.on_conflict_do_nothing())

    def protocol(self, facts: Mapping[str, Any]) -> None:
        """Know the facts behind a fingerprint."""
        statement = insert(Protocol).values(fingerprint=protocols.fingerprint(facts), facts=plain(facts))
        self._session.execute(statement.on_conflict_do_nothing())

    def run(self, arrival: Arrival, *, is_begun: bool) -> None:
        """Keep a run that is not here, or one that is begun here: then it takes the place of what there is of it."""
        run_id = arrival.run["id"]
        begun = self._session.exec(select(Run).where(Run.digest == arrival.run["digest"])).first() if is_begun else None
        if begun is None:
            self._waiting["runs"].append(arrival.run)
        else:
            for name, value in arrival.run.items():
                setattr(begun, name, value)
            for table in _OF_A_RUN:
                self._session.execute(delete(table).where(col(table.run_id) == run_id))
            self._session.flush()
        self._waiting["artifacts"] += ({"run_id": run_id, **row} for row in arrival.artifacts)
        self._waiting["points"] += ((run_id, *row) for row in arrival.points)
        self._waiting["figures"] += ((run_id, *row) for row in arrival.figures)
        if sum(len(self._waiting[name]) for name in _FIGURES) > _ROWS_AT_ONCE:
            self.flush()

    def places(self, run_id: str, places: Iterable[Mapping[str, Any]]) -> None:
        """Give a run that is here its places in recipes, each with its data set; those that it has stay as they are."""
        self._waiting["places"] += ({**place, "cell": canonical_cell(place["cell"]), "run_id": run_id} for place in places)

    def remarks(self, run_id: str, tags: Iterable[str], note: str) -> None:
        """Give a run that is here tags, and a note if it has none."""
        self._waiting["tags"] += ({"run_id": run_id, "name": name} for name in tags)
        self._waiting["notes"] += [{"run_id": run_id, "text": note}] * bool(note)

    def flush(self) -> None:
        """Write what was put off, to be called at the end: many rows at once are much faster than each run's own."""
        connection = self._session.connection()
        for name, statement in _STATEMENTS.items():
            if self._waiting[name]:
                connection.execute(statement, self._waiting[name])
        for name, text in _FIGURES.items():
            if self._waiting[name]:
                connection.exec_driver_sql(text, self._waiting[name])
        for rows in self._waiting.values():
            rows.clear()
