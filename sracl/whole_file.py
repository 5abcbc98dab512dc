"""Files that are whole whenever they are there: written aside, then put in their place by one rename.

    folder/.part-NAME-XXXXXXXX/NAME   while folder/NAME is being written; each writer has a folder of its own, gone when it is done

What is written aside has the name of the file in the end, so that whoever tells a form by the name does. It lies a folder
deeper, so that no search of `folder` finds it, even where a killed process has left it. Its folder is locked meanwhile: the
kernel lifts the lock however the process ends, so that what nobody writes any more can be told.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Written = TypeVar("_Written")
_FRESH = 60.0
"""Seconds in which a new folder may not be locked yet."""


def write_whole(file: Path, write: Callable[[Path], _Written], *, durable: bool = False) -> _Written:
    """Write a file entirely or leave what is there; what `write` returns.

    Several processes may write the same file at once: the last one to finish counts.

    Args:
        file: In a folder that is there.
        write: Writes everything to the path it is given.
        durable: Whether the file is to survive a power cut from here on. Without it, what is there may then be empty.

    Raises:
        OSError: It cannot be written there.
    """
    with TemporaryDirectory(prefix=f".part-{file.name}-", dir=file.parent, ignore_cleanup_errors=True) as folder, _locked(folder):
        part = Path(folder) / file.name
        written = write(part)
        if durable:
            flush(part)
        part.replace(file)
    if durable:
        flush(file.parent)
    return written


def sweep_dead(file: Path) -> None:
    """Remove what killed processes have left of a file that others may be writing now."""
    for left in file.parent.glob(f".part-{escape(file.name)}-????????"):
        with suppress(OSError):  # it is locked, has something else in it, or goes by itself
            if time.time() - left.lstat().st_mtime > _FRESH:
                handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    (left / file.name).unlink(missing_ok=True)
                    left.rmdir()
                finally:
                    os.close(handle)


@contextmanager
def _locked(folder: str) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # where there are no locks nothing is swept either
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def flush(path: Path) -> None:
    """Have the disk keep a file or the names in a folder, whatever happens from here on.

    Raises:
        OSError: The disk does not.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep(folder: Path, *patterns: str) -> None:
    """Remove what killed processes have left of files, for whoever alone writes files of such names there."""
    for pattern in patterns:
        for left in folder.glob(f".part-{pattern}-*"):
            shutil.rmtree(left, ignore_errors=True)
