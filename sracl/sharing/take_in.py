"""Runs out of a file of others: all that are new, or none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.errors import DataError
from sracl.evaluation.rank_file import RANKS
from sracl.recipes.flat import flat
from sracl.runs.removal import alone
from sracl.sharing.bundle import lines
from sracl.sharing.export import IMPORTED
from sracl.sharing.staging import staging
from sracl.tracking import protocol as protocols
from sracl.tracking import queries
from sracl.tracking.identity import UNDER_WAY
from sracl.tracking.intake import Arrival, Intake
from sracl.tracking.values import now
from sracl.wording import the_first

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from pathlib import Path

    from sracl.sharing.record import FiguresRecord, Number, ProtocolRecord, RanksRecord, RunRecord
    from sracl.sharing.staging import Staging
    from sracl.tracking.queries import RunRow
    from sracl.tracking.store import Store

_TOLD = 5
"""At most so many conflicts, and so many differences of each, are told."""


@dataclass
class Imported:
    """What became of the runs of a file."""

    new: int = 0
    finished: int = 0
    """Of the new ones, those that were known here and not completed."""
    known: int = 0
    """Here already, with the same figures."""
    kept: int = 0
    """Here with others, and left as they are."""
    conflicts: list[str] = field(default_factory=list)


def take_in(store: Store, file: Path, *, keep_ours: bool = False) -> Imported:
    """Take in the runs of a bundle; all of them, or none.

    A run that is here already with the same figures is left alone, but for places in recipes and tags that it does not have yet, and a
    note where it has none. One that was planned or begun here, and has not been completed, is completed by the one in the file.

    Args:
        store: Takes them.
        file: A bundle.
        keep_ours: Leave a run that is here with other figures as it is, and take in the others.

    Raises:
        DataError: The file is no bundle, is damaged or newer; or runs of it are here with other contents.
        ResourceError: Another import is under way.
    """
    with staging(store) as waiting:
        ranks = _check(file, waiting)
        done = Imported()
        mark = {"file": file.name, "at": now().isoformat(timespec="seconds")}
        with alone(store), store.writing() as session, store.reading() as view:
            intake = Intake(session)
            here = {run.id: run for run in queries.runs(store)}
            ids = {run.digest: run.id for run in here.values()}
            for line in lines(file):  # again, since all of it would not fit into memory
                if line.sort == "recipe":
                    recipe = line.record()
                    intake.recipe(recipe.name, recipe.source, recipe.report)
                elif line.sort == "protocol":
                    intake.protocol(line.record().facts)
                elif line.sort == "run":
                    run: RunRecord = line.record()
                    ours = here.get(ids.get(run.digest, run.id))
                    if ours is not None and (conflict := _conflict(view, ours, run)):
                        done.conflicts.append(f"{line.place}: {conflict}")
                        continue
                    if ours is not None and ours.state == "completed":
                        done.known += 1
                    else:
                        done.new += 1
                        done.finished += ours is not None
                        intake.run(_arrival(run, mark, ranks.get(run.id), waiting), is_begun=ours is not None)
                    intake.remarks(run.id, run.tags, run.note)
                    intake.places(run.id, [_place(run, place.model_dump()) for place in run.places])
            intake.flush()
            if done.conflicts and not keep_ours:
                raise DataError(_in_words(file, done.conflicts))
            done.kept = len(done.conflicts)
    return done


def _check(file: Path, waiting: Staging) -> dict[str, RanksRecord]:
    """Read all of a bundle before anything of it is kept, and put ranks and texts aside; without them, what is known of each.

    Raises:
        DataError: Something is wrong with it.
    """
    runs: dict[str, str] = {}
    digests: dict[str, str] = {}
    facts: set[str] = set()
    ranks: dict[str, RanksRecord] = {}
    texts: set[str] = set()
    for line in lines(file):
        record = line.record()
        if line.sort == "protocol":
            _check_protocol(record, line.place)
            facts.add(record.fingerprint)
        elif line.sort == "text":
            waiting.keep_text(record.name, record.text)
            texts.add(record.name)
        elif line.sort == "run":
            if twice := runs.get(record.id) or digests.get(record.digest):
                raise DataError(f"{line.place}: run '{record.id}' stands at {twice} already; each was expected once.")
            runs[record.id] = digests[record.digest] = line.place
            for figures in record.figures:
                if figures.protocol not in facts:
                    raise DataError(f"{line.place}: figures of protocol {figures.protocol}, which no line before says the facts of.")
            for name in set(record.kept.values()) - texts:
                raise DataError(f"{line.place}: the run rests on {name}, which no line before holds.")
        elif line.sort == "ranks":
            if record.run not in runs or record.run in ranks:
                raise DataError(f"{line.place}: ranks of run '{record.run}', which were expected once, after it.")
            waiting.keep(record.run, record.arrays)
            ranks[record.run] = record.model_copy(update={"arrays": {}})
    return ranks


def _check_protocol(record: ProtocolRecord, place: str) -> None:
    own = protocols.fingerprint(record.facts)
    if own != record.fingerprint:
        raise DataError(f"{place}: the fingerprint of these facts is {own}, and {record.fingerprint} is written beside them.")


def _arrival(run: RunRecord, mark: Mapping[str, str], ranks: RanksRecord | None, waiting: Staging) -> Arrival:
    """The rows of a run; its ranks, and what explains it, are in their places from now on."""
    columns = run.model_dump(exclude={"places", "series", "figures", "artifacts", "kept", "tags", "note"})
    nobody = dict.fromkeys(("boot_id", "pid", "pid_started", "heartbeat"))
    artifacts: list[dict[str, Any]] = [{**row.model_dump(), "path": ""} for row in run.artifacts]  # not here
    if ranks is not None:
        path, size = waiting.move(run.id)
        artifacts.append({"name": RANKS, "path": str(path), "digest": "", "size": size, "facts": ranks.facts, "created": ranks.created})
    for name, file in run.kept.items():
        path, size = waiting.put_text(run.id, file)
        artifacts.append({"name": name, "path": str(path), "digest": "", "size": size, "facts": {}, "created": run.created})
    return Arrival(
        run={
            **columns,
            **nobody,
            "folder": str(paths.run_folder(run.id)),
            "environment": {**run.environment, IMPORTED: dict(mark)},
        },
        points=[(name, epoch, _stored(value)) for name, points in run.series.items() for epoch, value in points],
        figures=[
            (own.split, own.protocol, own.group, name, _stored(value), own.count)
            for own in run.figures
            for name, value in own.values.items()
        ],
        artifacts=artifacts,
    )


def _place(run: RunRecord, place: dict[str, Any]) -> dict[str, Any]:
    return {**place, "dataset": run.dataset}


def _conflict(view: sqlite3.Connection, ours: RunRow, theirs: RunRecord) -> str:
    """Why a run cannot be taken in beside what is here; empty where it can."""
    if ours.digest != theirs.digest or ours.id != theirs.id:
        own, other = dict(flat(ours.values)), dict(flat(theirs.values))
        found = [f"{path} is {own.get(path)} here and {other.get(path)} there" for path in own | other if own.get(path) != other.get(path)]
        what = _some(found) or f"seed {ours.seed} here and {theirs.seed} there, or another version of sracl or of the data"
        return f"run '{ours.id}' is another one here: {what}"
    if ours.state in UNDER_WAY:
        return f"run '{ours.id}' is {ours.state} here; let it end, or cancel it"
    if ours.state != "completed":
        return ""
    mine = queries.figures_of(view, ours.id)
    others = {key: value for figures in theirs.figures for key, value in _keyed(figures).items()}
    # of the same users under the same protocol, what only one of two versions measured is no difference
    measured = {key[:3] for key in mine} & {key[:3] for key in others}
    shared = [key for key in mine | others if key[:3] not in measured or (key in mine and key in others)]
    differing = [key for key in shared if mine.get(key) != others.get(key)]
    told = [f"{key[0]}.{key[3]} ({key[1]}, {key[2]}) is {mine.get(key)} here and {others.get(key)} there" for key in differing]
    return f"run '{ours.id}' ({ours.label}) has other figures here: {_some(told)}" if told else ""


def _keyed(figures: FiguresRecord) -> dict[tuple[str, str, str, str], float | None]:
    return {(figures.split, figures.protocol, figures.group, name): _stored(value) for name, value in figures.values.items()}


def _stored(value: Number) -> float | None:
    return None if value is None else float(value)


def _some(told: list[str]) -> str:
    return "; ".join(the_first(told, _TOLD))


def _in_words(file: Path, conflicts: list[str]) -> str:
    count = "One run" if len(conflicts) == 1 else f"{len(conflicts):,} runs"
    told = "\n".join(f"  {conflict}" for conflict in the_first(conflicts, _TOLD))
    return (
        f"{count} of {file} cannot stand beside what is here, so nothing was imported:\n{told}\n--keep-ours leaves them as they are here."
    )
