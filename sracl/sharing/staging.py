"""Files of runs that are being imported: beside the store until all of a bundle is known to be sound, and gone if it was not.

    .sracl/import.lock            held by whoever imports; the lock goes with its process
    .sracl/importing/RUN/         a run whose ranks were read; without them once they were moved into the run's own folder, and with
                                  an empty file of the name of every text that was put there
    .sracl/importing/.texts/      what explains runs: goes into the folders of all of them

What a killed import leaves is removed by the next.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sracl import paths
from sracl.errors import NO_SPACE, BudgetError, ResourceError
from sracl.tracking import queries
from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from sracl.tracking.reader import Reader

FILE = "ranks.npz"
_TEXTS = ".texts"


class Staging:
    """Ranks, and what explains runs, that wait to be moved into the folders of their runs.

    Args:
        folder: Where they wait.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, run_id: str, arrays: Mapping[str, Sequence[int]]) -> None:
        """Write the ranks of a run, on the disk when this returns."""
        (self.folder / run_id).mkdir(parents=True, exist_ok=True)
        with (self.folder / run_id / FILE).open("wb") as file:
            np.savez_compressed(file, **{name: np.asarray(ranks, dtype=np.int32) for name, ranks in arrays.items()})  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())

    def move(self, run_id: str) -> tuple[Path, int]:
        """Give a run its ranks; the file and its bytes.

        Raises:
            BudgetError: No space is left in the run's folder.
            ResourceError: The run's folder cannot be made, or not be written to.
        """
        kept, own = self.folder / run_id / FILE, paths.run_folder(run_id) / FILE
        with _in_words(own):
            own.parent.mkdir(parents=True, exist_ok=True)
            _move(kept, own)
            return own, own.stat().st_size

    def keep_text(self, name: str, text: str) -> None:
        """Write what explains runs."""
        (self.folder / _TEXTS).mkdir(parents=True, exist_ok=True)
        (self.folder / _TEXTS / name).write_text(text, encoding="utf-8", newline="")

    def put_text(self, run_id: str, name: str) -> tuple[Path, int]:
        """Give a run one of the texts; the file and its bytes.

        Raises:
            BudgetError: No space is left in the run's folder.
            ResourceError: The run's folder cannot be made, or not be written to.
        """
        (self.folder / run_id).mkdir(parents=True, exist_ok=True)
        (self.folder / run_id / name).touch()
        own = paths.run_folder(run_id) / name
        with _in_words(own):
            own.parent.mkdir(parents=True, exist_ok=True)
            write_whole(own, partial(shutil.copyfile, self.folder / _TEXTS / name), durable=True)
            return own, own.stat().st_size


@contextmanager
def _in_words(own: Path) -> Iterator[None]:
    """Errors within a transaction, where they would be said of the store."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE:
            raise BudgetError(f"no space left for {own}. Free some space and run the same command again.") from error
        raise ResourceError(f"the run's folder {own.parent} cannot be written to ({error.strerror}).") from error


def _move(file: Path, to: Path) -> None:
    try:
        file.replace(to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # runs may lie on another disk than the store
        write_whole(to, partial(shutil.copyfile, file), durable=True)
        file.unlink()


@contextmanager
def staging(store: Reader) -> Iterator[Staging]:
    """A place for the files of one import; at its end those of runs that the store does not know are gone.

    Raises:
        ResourceError: Another import is under way.
    """
    beside = paths.store_file().parent
    with (beside / "import.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResourceError(f"another process imports into {store.path} now; wait for it.") from error
        made = Staging(beside / "importing")
        _sweep(made.folder, store)
        try:
            yield made
        finally:
            _sweep(made.folder, store)


def _sweep(folder: Path, store: Reader) -> None:
    """Remove what waits, and what was moved for runs that the store does not know after all."""
    if not folder.is_dir():
        return
    moved = [run.name for run in folder.iterdir() if run.name != _TEXTS and not (run / FILE).exists()]
    # of a run that is here and not completed they may be its training's by now, and are nobody's until they stand among its artifacts
    known = {run.id for run in queries.runs(store, ids=moved)}
    for run_id in set(moved) - known:
        for name in (FILE, *(text.name for text in (folder / run_id).iterdir())):
            (paths.run_folder(run_id) / name).unlink(missing_ok=True)
        with suppress(OSError):  # a folder that holds more was there before
            paths.run_folder(run_id).rmdir()
    shutil.rmtree(folder)
