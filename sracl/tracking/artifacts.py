"""What readers get of the files of runs, where they are by now."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.tracking.rows import among, select, where
from sracl.tracking.values import decoded

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sracl.tracking.reader import Reader

CONTENTS = "contents"
"""Name, among the facts of what a stage before training made, of the hash of its files; runs of earlier versions lack it."""

PROVENANCE = ("packages", "project.patch", "sracl.patch")
"""Names of what explains a run: texts in its folder."""


@dataclass(frozen=True)
class ArtifactRow:
    """A file that a run made or used."""

    run_id: str
    name: str
    path: str
    """Empty where the file stayed in the project that the run was imported from."""
    digest: str
    size: int
    facts: Mapping[str, Any]
    created: datetime


@dataclass(frozen=True)
class Neighbours:
    """What a run had of one table of neighbours."""

    digest: str
    """Of what was asked for, down to the words and versions behind its texts."""
    contents: tuple[str, ...]
    """Hashes of vectors and neighbours, which are all that training reads; empty where they are not known."""

    def are_those(self, other: Neighbours) -> bool:
        """Whether another run had the same, be it that different words came to the same in the end."""
        return self.digest == other.digest or (bool(self.contents) and self.contents == other.contents)


@dataclass(frozen=True)
class Resting:
    """What is wanted of a run that rests on something which is kept for it."""

    id: str
    dataset: str
    is_completed: bool
    recipes: tuple[str, ...]
    """Names of those that it has a place in, sorted."""


def of_run(store: Reader, run_id: str) -> list[ArtifactRow]:
    """The files of a run, oldest first."""
    order = "ORDER BY artifact.created, artifact.name"
    with store.reading() as view:
        rows = list(select(view, ArtifactRow, "artifact", among("artifact.run_id", [run_id]), end=order))
    return [replace(row, path=whereabouts(run_id, row.path)) for row in rows]


def completed_with(store: Reader, artifact: str) -> dict[str, tuple[str, str]]:
    """Completed runs that have an artifact of this name, the one registered last first: id -> label of the run, path of the file."""
    with store.reading() as view:
        found = view.execute(
            "SELECT run.id, run.label, artifact.path FROM artifact JOIN run ON run.id = artifact.run_id "
            "WHERE artifact.name = ? AND run.state = 'completed' ORDER BY run.number DESC",
            [artifact],
        ).fetchall()
    return {run_id: (label, whereabouts(run_id, path)) for run_id, label, path in found}


def neighbours_of(store: Reader, run_ids: Collection[str]) -> dict[str, dict[str, Neighbours]]:
    """Neighbours that runs were trained with: id -> `items` or `sequences` -> which."""
    found: dict[tuple[str, str], dict[str, tuple[str, str]]] = {}
    clause, values = where(among("artifact.run_id", run_ids))
    with store.reading() as view:
        rows = view.execute(f"SELECT artifact.run_id, artifact.name, artifact.digest, artifact.facts FROM artifact {clause}", values)
        for run_id, name, digest, facts in rows:
            stage, _, of = name.partition(".")
            if stage in ("embed", "retrieve"):
                found.setdefault((run_id, of), {})[stage] = digest, decoded("facts", facts).get(CONTENTS, "")
    made: dict[str, dict[str, Neighbours]] = {}
    for (run_id, of), stages in found.items():
        if "retrieve" in stages:
            contents = tuple(stages.get(stage, ("", ""))[1] for stage in ("embed", "retrieve"))
            made.setdefault(run_id, {})[of] = Neighbours(stages["retrieve"][0], contents if all(contents) else ())
    return made


def resting_on(store: Reader) -> dict[str, list[Resting]]:
    """Runs by the digests of what stages before training made for them, the one registered last first."""
    found: dict[str, list[Resting]] = {}
    with store.reading() as view:
        recipes: dict[str, list[str]] = {}
        for run_id, recipe in view.execute("SELECT DISTINCT entry.run_id, entry.recipe FROM entry ORDER BY entry.recipe"):
            recipes.setdefault(run_id, []).append(recipe)
        rows = view.execute(
            "SELECT DISTINCT artifact.digest, run.number, run.id, run.dataset, run.state = 'completed' "
            "FROM artifact JOIN run ON run.id = artifact.run_id WHERE artifact.digest != '' ORDER BY run.number DESC"
        )
        for digest, _, run_id, dataset, is_completed in rows:
            found.setdefault(digest, []).append(Resting(run_id, dataset, bool(is_completed), tuple(recipes.get(run_id, ()))))
    return found


def whereabouts(run_id: str, path: str) -> str:
    """Where a file of a run, or its folder, is: where it was written or, if the project has moved since, in the run's folder here."""
    if not path or os.path.exists(path):  # unlike Path.exists, False where another user lets nobody look
        return path
    folder = paths.run_folder(run_id)
    here = folder if Path(path).name == run_id else folder / Path(path).name
    return str(here) if os.path.exists(here) else path
