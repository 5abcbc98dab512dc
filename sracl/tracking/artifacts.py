"""What readers get of the files of runs, where they are by now."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sracl import paths
from sracl.tracking.rows import among, select, where

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sracl.tracking.reader import Reader


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


def neighbours_of(store: Reader, run_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Neighbours that runs were trained with: id -> name of the artifact -> its digest, which tells texts and vectors behind them too."""
    found: dict[str, dict[str, str]] = {}
    clause, values = where(among("artifact.run_id", run_ids))
    with store.reading() as view:
        for run_id, name, digest in view.execute(f"SELECT artifact.run_id, artifact.name, artifact.digest FROM artifact {clause}", values):
            if name.startswith("retrieve."):
                found.setdefault(run_id, {})[name] = digest
    return found


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
