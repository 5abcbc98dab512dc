"""A run's folder: who has it, how large it is, and how it goes."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sracl.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOCK = "lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder of a run; the system lets go of the lock however the process ends.

    Raises:
        ResourceError: Another process trains this run, or has just removed it, or the folder may not be written to.
    """
    lock = folder / _LOCK
    removed = ResourceError(f"another process has just removed this run ({folder}); run the same command again")
    try:
        file = lock.open("w")
    except FileNotFoundError as error:
        raise removed from error
    except PermissionError as error:
        raise ResourceError(f"cannot be locked: {folder} may not be written to") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResourceError(f"another process is training this run now ({folder})") from error
        if not lock.exists() or not os.path.samestat(os.fstat(file.fileno()), lock.stat()):  # in between it went, and came anew
            raise removed
        yield


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 where there is nothing, or nothing may be seen. Links are not followed."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        return sum(size(inner) for inner in path.iterdir())
    except (FileNotFoundError, PermissionError):  # gone meanwhile, never there, or of another user
        return 0


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it; what an earlier call left that was killed goes as well.

    It first gets another name, so that nobody ever finds the half of it in its place. Of a link only the link goes.

    Raises:
        OSError: Something cannot be removed.
    """
    if aside(folder).exists():
        shutil.rmtree(aside(folder))
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        folder.rename(aside(folder))
        shutil.rmtree(aside(folder))


def aside(folder: Path) -> Path:
    """Where a folder is while it is being removed."""
    return folder.with_name(f".removing-{folder.name}")
