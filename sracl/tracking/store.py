"""The writer of the store.

Every method is one short transaction that has happened entirely or not at all when it returns. State transitions and final
figures survive a power cut; points of a series survive the death of the process. Methods may be called from several threads
and processes; a `Store` must not cross a fork. What a method may raise besides what it lists is in `Database.writing`; of a
store that is read-only every one raises a StoreError.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from sqlalchemy import func
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import col, delete, select

from sracl.errors import ResourceError, StoreError, UsageError
from sracl.tracking import protocol as protocols
from sracl.tracking import queries
from sracl.tracking.database import Database, made_version
from sracl.tracking.file import VERSION
from sracl.tracking.identity import STALE_AFTER, owner, presence
from sracl.tracking.reader import Reader
from sracl.tracking.tables import Artifact, Entry, Metric, Point, Protocol, Recipe, Run
from sracl.tracking.values import canonical_cell, now, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlmodel import Session

    from sracl.tracking.queries import RunRow


class Store(Reader):
    """What happened, in one SQLite file, to be written and read; a context manager."""

    def __init__(self, path: Path, version: int, database: Database | None) -> None:
        super().__init__(path, version)
        self._database = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a store, making the file if there is none; to read alone, `Reader.open` does.

        A store of a newer version of sracl opens read-only, with `notice` saying so.

        Raises:
            StoreError: The file is damaged, or is no store.
        """
        version = made_version(path)
        return cls(path, version, None if version > VERSION else Database(path))

    def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            self._database.close()

    def recipe(self, name: str, report: Mapping[str, Any], source: str) -> None:
        """Keep what a recipe wants reported; the last version of it counts."""
        with self.writing() as session:
            session.merge(Recipe(name=name, source=source, report=plain(report)))

    def register(
        self,
        *,
        run_id: str,
        digest: str,
        recipe: str,
        variant: str,
        cell: Mapping[str, Any],
        seed: int,
        label: str,
        dataset: str,
        values: Mapping[str, Any],
        origins: Mapping[str, str],
        leaky: Sequence[str],
        folder: str,
        environment: Mapping[str, Any],
        ordinal: int = 0,
    ) -> RunRow:
        """Give a run its place in a recipe. The same digest is the same run: it exists once, under the id it got first.

        A place that another run fills (a value was changed since) is shared with it: both stay to be compared.

        Args:
            run_id: Id to use if the digest is new.
            digest: Of everything that decides the outcome.
            recipe: Name of the recipe.
            variant: Name of the variant.
            cell: Point of the recipe's matrix: path -> value.
            seed: Seed of the run.
            label: What to call the run in lists.
            dataset: Name of the data set.
            values: Complete values of the run.
            origins: Where each value came from.
            leaky: What makes the run see more than training data; empty if nothing does.
            folder: Where its files are.
            environment: Versions and hardware. Never pass the process environment: it holds secrets.
            ordinal: Place of the variant in the recipe; tables keep this order.

        Raises:
            StoreError: Another run with this id exists.
        """
        with self.writing() as session:
            found = session.exec(select(Run).where(Run.digest == digest)).first()
            if found is None:
                if session.exec(select(Run.id).where(Run.id == run_id)).first():
                    raise StoreError(f"Run '{run_id}' already exists in {self.path} with other values.")
                found = Run(
                    id=run_id,
                    digest=digest,
                    dataset=dataset,
                    seed=seed,
                    label=label,
                    state="planned",
                    created=now(),
                    leaky=plain(leaky),
                    values=plain(values),
                    origins=plain(origins),
                    environment=plain(environment),
                    folder=folder,
                )
                session.add(found)
                session.flush()
            place = {
                "recipe": recipe,
                "variant": variant,
                "cell": canonical_cell(cell),
                "seed": seed,
                "dataset": dataset,
                "run_id": found.id,
            }
            statement = insert(Entry).values(**place, ordinal=ordinal)
            session.execute(statement.on_conflict_do_update(index_elements=list(place), set_={"ordinal": ordinal}))
            run_id = found.id
        return queries.run(self, run_id)

    def start(self, run_id: str, identity: Mapping[str, Any], environment: Mapping[str, Any] | None = None) -> int:
        """Begin an attempt: the run now belongs to the given process. Its number is returned.

        Args:
            run_id: The run.
            identity: `host`, `boot_id`, `pid` and `pid_started`, as `identity.current()` gives them.
            environment: What this attempt runs on, such as versions, device and threads; in place of what was known before, of
                which another attempt may have had more.

        Raises:
            ResourceError: Another live process has the run, or may have: on another machine, its last sign of life is
                less than two missed ones ago. Or it is completed: an import may have done that while this waited for its turn.
        """
        with self.writing() as session:
            run = self._run(session, run_id)
            if run.state == "completed":
                raise ResourceError(f"Run '{run_id}' is completed.")
            holder = owner(run)
            if run.state == "running" and holder is not None and holder != dict(identity):
                where = presence(holder)
                left = timedelta() if run.heartbeat is None else run.heartbeat + 2 * STALE_AFTER - now()
                if where == "alive" or (where == "elsewhere" and left > timedelta()):
                    # such as a container that was killed, whose successor has another name
                    unseen = f" If that has ended, try again in {math.ceil(left.total_seconds())} s." if where == "elsewhere" else ""
                    raise ResourceError(f"Run '{run_id}' is being trained by process {holder['pid']} on {holder['host']}.{unseen}")
            moment = now()
            run.state, run.reason, run.attempt = "running", "", run.attempt + 1
            for part in ("host", "boot_id", "pid", "pid_started"):
                setattr(run, part, identity[part])
            run.started, run.heartbeat, run.finished = moment, moment, None
            if environment is not None:
                run.environment = plain(environment)
            return run.attempt

    def beat(self, run_id: str, trouble: str = "") -> None:
        """Give a sign of life, due every few seconds: a run that misses it for `identity.STALLED_AFTER` is shown as stalled.

        Args:
            run_id: The run.
            trouble: That its training does not go on, beginning with `identity.NO_STEP`; it is shown as `stalled?` then.
        """
        with self.writing(durable=False) as session:
            run = self._run(session, run_id)
            run.heartbeat = now()
            if run.state == "running":  # else it has just ended, with a reason of its own
                run.reason = trouble

    def finish(self, run_id: str, state: Literal["completed", "failed", "interrupted", "cancelled"], reason: str = "") -> None:
        """End the attempt, with the reason if it did not complete."""
        if state not in ("completed", "failed", "interrupted", "cancelled"):
            raise ValueError(f"a run ends completed, failed, interrupted or cancelled, not {state}")
        with self.writing() as session:
            run = self._run(session, run_id)
            run.state, run.reason, run.finished = state, reason, now()

    def cancel(self, run_id: str, reason: str) -> None:
        """Say of a run that it was cancelled, unless it has ended otherwise, another process has it now, or it was removed."""
        with self.writing() as session:
            run = session.exec(select(Run).where(Run.id == run_id)).first()
            if run is None:
                return
            holder = owner(run)
            is_left = run.state == "running" and (holder is None or presence(holder) == "gone")
            if is_left or run.state in ("planned", "interrupted"):
                run.state, run.reason, run.finished = "cancelled", reason, now()

    def log(self, run_id: str, epoch: int, values: Mapping[str, float]) -> None:
        """Keep the values of one epoch, all or none; an epoch logged again replaces its values. Also a sign of life."""
        rows = [{"run_id": run_id, "name": name, "epoch": epoch, "value": _stored(value)} for name, value in values.items()]
        with self.writing(durable=False) as session:
            run = self._run(session, run_id)
            run.epoch, run.heartbeat = epoch, now()
            if rows:
                statement = insert(Point)
                key = ["run_id", "name", "epoch"]
                session.execute(statement.on_conflict_do_update(index_elements=key, set_={"value": statement.excluded.value}), rows)

    def forget_after(self, run_id: str, epoch: int) -> None:
        """Drop every point of a later epoch: training resumes from this one."""
        with self.writing() as session:
            run = self._run(session, run_id)
            session.execute(delete(Point).where(col(Point.run_id) == run_id, col(Point.epoch) > epoch))
            run.epoch = session.exec(select(func.max(Point.epoch)).where(Point.run_id == run_id)).one()

    def metrics(
        self, run_id: str, *, split: str, protocol: Mapping[str, Any], group: str, values: Mapping[str, float], count: int | None = None
    ) -> None:
        """Keep final figures, in place of those of the same split, protocol and group.

        Args:
            run_id: The run.
            split: `valid` or `test`.
            protocol: Facts of the evaluation, see `tracking.protocol`; `seen_items` at least.
            group: `all`, or a group of users.
            values: Metric -> mean over the users of the group.
            count: Users averaged over.
        """
        with self.writing() as session:
            facts = protocols.complete(protocol, self._run(session, run_id).dataset)
            stamp = protocols.fingerprint(facts)
            session.merge(Protocol(fingerprint=stamp, facts=plain(facts)))
            session.flush()
            session.execute(
                delete(Metric).where(
                    col(Metric.run_id) == run_id, col(Metric.split) == split, col(Metric.protocol) == stamp, col(Metric.group) == group
                )
            )
            session.add_all(
                Metric(run_id=run_id, split=split, protocol=stamp, group=group, name=name, value=_stored(value), count=count)
                for name, value in values.items()
            )

    def artifact(self, run_id: str, *, name: str, path: str, digest: str, size: int, facts: Mapping[str, Any]) -> None:
        """Keep where a file of the run is and what it was; the same name again replaces it."""
        with self.writing() as session:
            self._run(session, run_id)
            row = Artifact(run_id=run_id, name=name, path=path, digest=digest, size=size, facts=plain(facts), created=now())
            session.merge(row)

    def writing(self, *, durable: bool = True) -> AbstractContextManager[Session]:
        """One transaction, for this module and `jobs`; see `Database.writing`."""
        if self._database is None:
            raise StoreError(self.notice)
        return self._database.writing(durable=durable)

    def _run(self, session: Session, run_id: str) -> Run:
        found = session.exec(select(Run).where(Run.id == run_id)).first()
        if found is None:
            raise UsageError(f"There is no run '{run_id}' in {self.path}.")
        return found


def _stored(value: float) -> float | None:
    number = float(value)
    return None if math.isnan(number) else number
