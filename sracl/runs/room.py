"""Whether the disks have room for what runs write, looked at before there is anything to lose.

A run that could have been is not to be refused: estimates are from below, and what a file system does not say is no reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl import disk, paths
from sracl.errors import BudgetError
from sracl.runs.readiness import not_done, to_do

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sracl.engine.training_files import TrainingFiles
    from sracl.recipes.plan import RunPlan
    from sracl.runs.artifacts import Artifacts


def demand_room(runs: Sequence[RunPlan], artifacts: Artifacts) -> None:
    """Refuse to begin on a disk that is as good as full.

    The project's is looked at where a run is to be trained, that of the cache where texts, vectors or neighbours are to be made.

    Raises:
        BudgetError: There is less than nothing should be begun with.
    """
    left = not_done(runs)
    if left:
        _demand(paths.project(), disk.LEAST, "weights and figures", "SRACL_HOME")
    if any(to_do(run, artifacts) for run in left):
        _demand(paths.cache(), disk.LEAST, "texts, vectors and neighbours", "SRACL_CACHE_DIR")


def demand_checkpoints(files: TrainingFiles) -> None:
    """Refuse to begin a training whose checkpoints its disk cannot hold; one that goes on has had the space before.

    Raises:
        BudgetError: There is too little for them.
    """
    if not files.last.exists():
        _demand(files.folder, files.room(), "the checkpoints of this training", "SRACL_HOME")


def _demand(folder: Path, least: int, what: str, variable: str) -> None:
    free = disk.free(folder)
    if free is not None and free < least:
        raise BudgetError(
            f"{folder} has {_megabytes(free)} left, and {what} take {_megabytes(least)} or more. Free some space (`sracl rm`, "
            f"`sracl cache gc`) or set {variable} to a folder on another disk, and run the same command again."
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
