"""What readers get: frozen rows, copied out of short transactions, and run states that are derived rather than believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import func, literal_column
from sqlmodel import col, select

from sracl.errors import UsageError, did_you_mean
from sracl.tracking.identity import Identity, presence
from sracl.tracking.tables import Artifact, Entry, Metric, Point, Protocol, Recipe, Run, now

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlmodel import Session

    from sracl.tracking.store import Store

State: TypeAlias = Literal["planned", "running", "completed", "failed", "interrupted", "stale?"]
STATES: tuple[State, ...] = ("planned", "running", "completed", "failed", "interrupted", "stale?")

STALE_AFTER = timedelta(seconds=60)
"""Silence after which a run on another machine is in doubt."""


@dataclass(frozen=True)
class EntryRow:
    """A place in a recipe and a run that fills it."""

    recipe: str
    variant: str
    cell: str
    """Canonical JSON."""
    seed: int
    dataset: str
    ordinal: int
    run_id: str


@dataclass(frozen=True)
class RunRow:
    """A run as it is now."""

    number: int
    id: str
    digest: str
    dataset: str
    seed: int
    label: str
    state: State
    """Derived: a run whose process is gone is `interrupted`, whatever it last wrote."""
    reason: str
    attempt: int
    host: str | None
    boot_id: str | None
    pid: int | None
    pid_started: float | None
    heartbeat: datetime | None
    created: datetime
    started: datetime | None
    finished: datetime | None
    epoch: int | None
    leaky: tuple[str, ...]
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    environment: Mapping[str, Any]
    folder: str
    entries: tuple[EntryRow, ...]


@dataclass(frozen=True)
class RecipeRow:
    """What a recipe wants reported."""

    name: str
    source: str
    report: Mapping[str, Any]


@dataclass(frozen=True)
class MetricRow:
    """A final figure."""

    run_id: str
    split: str
    protocol: str
    """Fingerprint."""
    group: str
    name: str
    value: float
    count: int | None
    """Users averaged over."""


@dataclass(frozen=True)
class ArtifactRow:
    """A file that a run made or used."""

    run_id: str
    name: str
    path: str
    digest: str
    size: int
    facts: Mapping[str, Any]
    created: datetime


def shown_state(run: Run, at: datetime) -> State:
    """The state of a run at a moment: what it last wrote, unless its process tells otherwise."""
    if run.state != "running":
        return run.state  # type: ignore[return-value]  # the writer accepts only these
    where = presence(process) if (process := owner(run)) else "gone"
    if where == "alive":
        return "running"
    if where == "gone":
        return "interrupted"
    return "running" if run.heartbeat is not None and at - run.heartbeat <= STALE_AFTER else "stale?"


def owner(run: Run) -> Identity | None:
    """The process that last started the run."""
    if run.host is None or run.boot_id is None or run.pid is None or run.pid_started is None:
        return None
    return {"host": run.host, "boot_id": run.boot_id, "pid": run.pid, "pid_started": run.pid_started}


def run_by_digest(store: Store, digest: str) -> RunRow | None:
    """The run with these values, if it was ever registered."""
    with store.reading() as session:
        found = session.exec(select(Run).where(Run.digest == digest)).first()
        return frozen(session, [found])[0] if found else None


def run(store: Store, reference: str) -> RunRow:
    """The run with this id, with an id that starts like this, or the `@last` one registered.

    Raises:
        UsageError: No run is meant, or several are.
    """
    with store.reading() as session:
        newest = select(Run).order_by(col(Run.number).desc())
        if reference == "@last":
            matches = list(session.exec(newest.limit(1)))
        else:
            exact = list(session.exec(select(Run).where(Run.id == reference)))
            matches = exact or list(session.exec(newest.where(col(Run.id).startswith(reference, autoescape=True))))
        if len(matches) == 1:
            return frozen(session, matches)[0]
        if not matches:
            known = list(session.exec(select(Run.id)))
            raise UsageError(f"There is no run '{reference}'.{did_you_mean(reference, known)} `sracl runs` lists them.")
        raise UsageError(f"'{reference}' may be any of {', '.join(found.id for found in matches)}.")


def runs(
    store: Store,
    *,
    state: State | None = None,
    recipe: str | None = None,
    dataset: str | None = None,
    ids: Collection[str] | None = None,
    limit: int | None = None,
) -> list[RunRow]:
    """Runs, the one registered last first.

    Args:
        store: Where to look.
        state: Only runs shown in this state.
        recipe: Only runs with a place in this recipe.
        dataset: Only runs on this data set.
        ids: Only these runs.
        limit: At most this many.
    """
    wanted = select(Run).order_by(col(Run.number).desc())
    if recipe is not None:
        wanted = wanted.where(col(Run.id).in_(select(Entry.run_id).where(Entry.recipe == recipe)))
    if dataset is not None:
        wanted = wanted.where(Run.dataset == dataset)
    if ids is not None:
        wanted = wanted.where(col(Run.id).in_(list(ids)))
    if state in ("running", "stale?"):
        wanted = wanted.where(Run.state == "running")
    elif state == "interrupted":
        wanted = wanted.where(col(Run.state).in_(["running", "interrupted"]))
    elif state is not None:
        wanted = wanted.where(Run.state == state)
    with store.reading() as session:
        at = now()
        found: list[Run] = []
        for candidate in session.exec(wanted):
            if limit is not None and len(found) >= limit:
                break
            if state is None or shown_state(candidate, at) == state:
                found.append(candidate)
        return frozen(session, found)


def entries(store: Store, recipes: Collection[str] | None = None) -> list[EntryRow]:
    """Places in recipes, in the order of their recipes and variants."""
    wanted = select(Entry).order_by(col(Entry.recipe), col(Entry.ordinal), col(Entry.number))
    if recipes is not None:
        wanted = wanted.where(col(Entry.recipe).in_(list(recipes)))
    with store.reading() as session:
        return [_entry(found) for found in session.exec(wanted)]


def recipes(store: Store) -> dict[str, RecipeRow]:
    """Every recipe that was ever run, by name."""
    with store.reading() as session:
        return {
            found.name: RecipeRow(found.name, found.source, found.report)
            for found in session.exec(select(Recipe).order_by(col(Recipe.name)))
        }


def protocols(store: Store) -> dict[str, Mapping[str, Any]]:
    """The facts behind every fingerprint."""
    with store.reading() as session:
        return {found.fingerprint: found.facts for found in session.exec(select(Protocol))}


def series(store: Store, run_id: str, names: Collection[str] | None = None) -> dict[str, list[tuple[int, float]]]:
    """Every series of a run: name -> (epoch, value), by epoch."""
    wanted = select(Point).where(Point.run_id == run_id).order_by(col(Point.name), col(Point.epoch))
    if names is not None:
        wanted = wanted.where(col(Point.name).in_(list(names)))
    found: dict[str, list[tuple[int, float]]] = {}
    with store.reading() as session:
        for point in session.exec(wanted):
            found.setdefault(point.name, []).append((point.epoch, _number(point.value)))
    return found


def watched_metric(values: Mapping[str, Any]) -> str:
    """The validation metric that chooses a run's best epoch.

    The one that early stopping names; without it MRR at 10, or at the largest cut-off where that is not computed.
    """
    stopping = (values.get("train") or {}).get("early_stopping") or {}
    cutoffs = (values.get("evaluation") or {}).get("cutoffs") or (10,)
    return str(stopping.get("metric", f"valid.mrr@{10 if 10 in cutoffs else max(cutoffs)}"))


def best_watched(store: Store, found: Collection[RunRow]) -> dict[str, tuple[str, float]]:
    """For every run with such points, the validation metric that chooses its best epoch, and the highest value so far."""
    watched = {row.id: watched_metric(row.values) for row in found}
    wanted = (
        select(Point.run_id, Point.name, func.max(Point.value))
        .where(col(Point.run_id).in_(list(watched)), col(Point.name).in_(set(watched.values())))
        .group_by(col(Point.run_id), col(Point.name))
    )
    with store.reading() as session:
        rows = list(session.exec(wanted))
    return {run_id: (name, value) for run_id, name, value in rows if name == watched[run_id] and value is not None}


def final_metrics(
    store: Store, run_ids: Collection[str] | None = None, *, split: str | None = "test", group: str | None = None
) -> list[MetricRow]:
    """Final figures, in the order they were written; all runs, splits or groups where none is named."""
    wanted = select(Metric).order_by(literal_column("rowid"))
    if run_ids is not None:
        wanted = wanted.where(col(Metric.run_id).in_(list(run_ids)))
    if split is not None:
        wanted = wanted.where(Metric.split == split)
    if group is not None:
        wanted = wanted.where(Metric.group == group)
    with store.reading() as session:
        return [
            MetricRow(found.run_id, found.split, found.protocol, found.group, found.name, _number(found.value), found.count)
            for found in session.exec(wanted)
        ]


def artifacts(store: Store, run_id: str) -> list[ArtifactRow]:
    """The files of a run, oldest first."""
    wanted = select(Artifact).where(Artifact.run_id == run_id).order_by(col(Artifact.created), col(Artifact.name))
    with store.reading() as session:
        return [
            ArtifactRow(found.run_id, found.name, found.path, found.digest, found.size, found.facts, found.created)
            for found in session.exec(wanted)
        ]


def frozen(session: Session, found: Collection[Run]) -> list[RunRow]:
    """Copies that outlive the transaction, each with its places in recipes."""
    at = now()
    ids = [row.id for row in found]
    places: dict[str, list[EntryRow]] = {}
    for entry in session.exec(select(Entry).where(col(Entry.run_id).in_(ids)).order_by(col(Entry.number))):
        places.setdefault(entry.run_id, []).append(_entry(entry))
    return [
        RunRow(
            number=row.number or 0,
            id=row.id,
            digest=row.digest,
            dataset=row.dataset,
            seed=row.seed,
            label=row.label,
            state=shown_state(row, at),
            reason=row.reason,
            attempt=row.attempt,
            host=row.host,
            boot_id=row.boot_id,
            pid=row.pid,
            pid_started=row.pid_started,
            heartbeat=row.heartbeat,
            created=row.created,
            started=row.started,
            finished=row.finished,
            epoch=row.epoch,
            leaky=tuple(row.leaky),
            values=row.values,
            origins=row.origins,
            environment=row.environment,
            folder=row.folder,
            entries=tuple(places.get(row.id, ())),
        )
        for row in found
    ]


def _entry(found: Entry) -> EntryRow:
    return EntryRow(found.recipe, found.variant, found.cell, found.seed, found.dataset, found.ordinal, found.run_id)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
