"""What readers get: frozen rows, copied out of short transactions, and run states that are derived rather than believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from sracl.errors import UsageError, did_you_mean
from sracl.tracking.artifacts import whereabouts
from sracl.tracking.best import BEST, best
from sracl.tracking.identity import UNDER_WAY, State, shown_state
from sracl.tracking.lines import DERIVED, trainings, watched_metric
from sracl.tracking.rows import among, begins, equals, select, where
from sracl.tracking.tags import of_runs, tagged
from sracl.tracking.values import decoded, now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from sracl.tracking.lines import Trainings
    from sracl.tracking.reader import Reader
    from sracl.tracking.rows import Condition

_AnyRun = TypeVar("_AnyRun", "RunLine", "RunRow")
_WRITTEN: Mapping[State, Sequence[State]] = {
    **dict.fromkeys(UNDER_WAY, ("running",)),
    "interrupted": ("running", "interrupted"),
}
"""What a run that is shown in a state may have written last, where that differs."""


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


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is wanted of a run in any case."""

    number: int
    id: str
    dataset: str
    seed: int
    label: str
    state: State
    """Derived: a run whose process is gone is `interrupted`, whatever it last wrote."""
    reason: str
    """Why it ended as it did, or why it is `stalled?`."""
    host: str | None
    boot_id: str | None
    pid: int | None
    pid_started: float | None
    heartbeat: datetime | None
    created: datetime
    epoch: int | None
    leaky: tuple[str, ...]
    entries: tuple[EntryRow, ...] = ()
    tags: tuple[str, ...] = ()
    """Words that its user gave it, sorted."""
    note: str = ""
    """What its user has to say of it."""


@dataclass(frozen=True, kw_only=True)
class RunLine(_Run):
    """What a list shows of a run, as it is now."""

    watched: str
    """The validation metric that chooses its best epoch."""
    trainings: Trainings
    """How many epochs it has at most, stage by stage; empty where it does not say."""
    device: str
    """What it was last begun on: `cpu`, `cuda` or `cuda:N`; empty before that."""
    imported: str
    """Name of the file that it came in; empty for a run that was trained here."""


@dataclass(frozen=True, kw_only=True)
class RunRow(_Run):
    """All that is known of a run, as it is now."""

    digest: str
    attempt: int
    started: datetime | None
    finished: datetime | None
    values: Mapping[str, Any]
    origins: Mapping[str, str]
    environment: Mapping[str, Any]
    folder: str

    @property
    def watched(self) -> str:
        """The validation metric that chooses its best epoch."""
        return watched_metric(self.values)

    @property
    def trainings(self) -> Trainings:
        """How many epochs it has at most, stage by stage; empty where it does not say."""
        return trainings(self.values)

    @property
    def device(self) -> str:
        """What it was last begun on: `cpu`, `cuda` or `cuda:N`; empty before that."""
        return str(self.environment.get("device") or "")

    @property
    def imported(self) -> str:
        """Name of the file that it came in; empty for a run that was trained here."""
        return str((self.environment.get("imported") or {}).get("file", ""))


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


def run_by_digest(store: Reader, digest: str) -> RunRow | None:
    """The run with these values, if it was ever registered."""
    with store.reading() as view:
        found = _whole(view, list(shown_runs(view, RunRow, among("run.digest", [digest]))))
        return found[0] if found else None


def run(store: Reader, reference: str) -> RunRow:
    """The run with this id, with an id that starts like this, the `@last` one registered, or the one that validates best (see `best`).

    Raises:
        UsageError: No run is meant, or several are.
    """
    with store.reading() as view:
        newest = "ORDER BY run.number DESC"
        if reference == "@last":
            matches = list(shown_runs(view, RunRow, end=f"{newest} LIMIT 1"))
        elif reference.startswith(BEST):
            matches = list(shown_runs(view, RunRow, among("run.id", [best(view, reference)])))
        else:
            matches = list(shown_runs(view, RunRow, among("run.id", [reference])))
            matches = matches or list(shown_runs(view, RunRow, begins("run.id", reference), end=newest))
        if len(matches) == 1:
            return _whole(view, matches)[0]
        if not matches:
            known = ["@last", BEST, *(known for (known,) in view.execute("SELECT run.id FROM run"))]
            raise UsageError(f"There is no run '{reference}'.{did_you_mean(reference, known)} `sracl runs` lists them.")
        raise UsageError(f"'{reference}' may be any of {', '.join(found.id for found in matches)}.")


def runs(
    store: Reader,
    *,
    state: State | None = None,
    recipe: str | None = None,
    dataset: str | None = None,
    tags: Collection[str] = (),
    ids: Collection[str] | None = None,
    limit: int | None = None,
) -> list[RunRow]:
    """Runs, the one registered last first; `pages.page` has less of each, in a fraction of the time.

    Args:
        store: Where to look.
        state: Only runs shown in this state.
        recipe: Only runs with a place in this recipe.
        dataset: Only runs on this data set.
        tags: Only runs that have all of these tags.
        ids: Only these runs.
        limit: At most this many.
    """
    conditions = [among("run.id", ids), in_recipe(recipe), equals("run.dataset", dataset)]
    if state is not None:
        conditions.append(among("run.state", _WRITTEN.get(state, (state,))))
    with store.reading() as view:
        conditions += [tagged(view, name) for name in tags]
        candidates = shown_runs(view, RunRow, *conditions, end="ORDER BY run.number DESC")
        return _whole(view, list(islice((found for found in candidates if state is None or found.state == state), limit)))


def beginning(store: Reader, text: str, *, limit: int) -> list[RunLine]:
    """Runs whose ids begin with a text, the one registered last first, at most so many."""
    with store.reading() as view:
        found = shown_runs(view, RunLine, begins("run.id", text), end="ORDER BY run.number DESC")
        return in_full(view, list(islice(found, limit)))


def entries(store: Reader, recipes: Collection[str] | None = None) -> list[EntryRow]:
    """Places in recipes, in the order of their recipes and variants."""
    order = "ORDER BY entry.recipe, entry.ordinal, entry.number"
    with store.reading() as view:
        return list(select(view, EntryRow, "entry", among("entry.recipe", recipes), end=order))


def recipes(store: Reader) -> dict[str, RecipeRow]:
    """Every recipe that was ever run, by name."""
    with store.reading() as view:
        return {found.name: found for found in select(view, RecipeRow, "recipe", end="ORDER BY recipe.name")}


def protocols(store: Reader) -> dict[str, Mapping[str, Any]]:
    """The facts behind every fingerprint."""
    with store.reading() as view:
        kept = view.execute("SELECT protocol.fingerprint, protocol.facts FROM protocol")
        return {fingerprint: decoded("facts", facts) for fingerprint, facts in kept}


def series(store: Reader, run_id: str, names: Collection[str] | None = None) -> dict[str, list[tuple[int, float]]]:
    """Every series of a run: name -> (epoch, value), by epoch."""
    clause, values = where(among("point.run_id", [run_id]), among("point.name", names))
    found: dict[str, list[tuple[int, float]]] = {}
    with store.reading() as view:
        for name, epoch, value in view.execute(
            f"SELECT point.name, point.epoch, point.value FROM point {clause} ORDER BY point.name, point.epoch", values
        ):
            found.setdefault(name, []).append((epoch, decoded("value", value)))
    return found


def best_watched(store: Reader, found: Collection[RunLine | RunRow]) -> dict[str, tuple[str, float]]:
    """For every run with such points, the validation metric that chooses its best epoch, and the highest value so far."""
    watched = {row.id: row.watched for row in found}
    clause, values = where(among("point.run_id", watched), among("point.name", set(watched.values())))
    with store.reading() as view:
        rows = view.execute(
            f"SELECT point.run_id, point.name, max(point.value) FROM point {clause} GROUP BY point.run_id, point.name", values
        ).fetchall()
    return {run_id: (name, value) for run_id, name, value in rows if name == watched[run_id] and value is not None}


def final_metrics(
    store: Reader, run_ids: Collection[str] | None = None, *, split: str | None = "test", group: str | None = None
) -> list[MetricRow]:
    """Final figures, in the order they were written; all runs, splits or groups where none is named."""
    conditions = [among("metric.run_id", run_ids), equals("metric.split", split), equals('metric."group"', group)]
    with store.reading() as view:
        return list(select(view, MetricRow, "metric", *conditions, end="ORDER BY metric.rowid"))


def figures_of(view: sqlite3.Connection, run_id: str) -> dict[tuple[str, str, str, str], float | None]:
    """Final figures of one run, for who looks at thousands in one view: split, protocol, group and name -> value, None for NaN."""
    kept = view.execute('SELECT split, protocol, "group", name, value FROM metric WHERE run_id = ?', [run_id])
    return {(split, protocol, group, name): value for split, protocol, group, name, value in kept}


def in_recipe(name: str | None) -> Condition:
    """A run has a place in this recipe; None is any."""
    return among("1", None) if name is None else ("run.id IN (SELECT entry.run_id FROM entry WHERE entry.recipe = ?)", [name])


def shown_runs(view: sqlite3.Connection, row: type[_AnyRun], *conditions: Condition, end: str = "") -> Iterator[_AnyRun]:
    """Runs in the state they are shown in, as they are needed; not yet `in_full`."""
    at = now()
    for found in select(view, row, "run", *conditions, end=end, derived=DERIVED if row is RunLine else {}):
        state = shown_state(found, at)
        yield found if state == found.state else replace(found, state=state)


def in_full(view: sqlite3.Connection, found: Sequence[_AnyRun]) -> list[_AnyRun]:
    """The same runs with their places in recipes, tags and notes."""
    places: dict[str, list[EntryRow]] = {}
    ids = [row.id for row in found]
    for entry in select(view, EntryRow, "entry", among("entry.run_id", ids), end="ORDER BY entry.number"):
        places.setdefault(entry.run_id, []).append(entry)
    tags, notes = of_runs(view, ids)
    return [replace(row, entries=tuple(places.get(row.id, ())), tags=tags.get(row.id, ()), note=notes.get(row.id, "")) for row in found]


def _whole(view: sqlite3.Connection, found: Sequence[RunRow]) -> list[RunRow]:
    """The same runs in full, and their folders where they are by now."""
    return [replace(row, folder=whereabouts(row.id, row.folder)) for row in in_full(view, found)]
