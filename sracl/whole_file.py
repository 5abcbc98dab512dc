"""Files that are whole whenever they are there: written aside, then put in their place by one rename.

    folder/.part-NAME-XXXXXXXX/NAME   while folder/NAME is being written; each writer has a folder of its own, gone when it is done

What is written aside has the name of the file in the end, so that whoever tells a form by the name does. It lies a folder
deeper, so that no search of `folder` finds it, even where a killed process has left it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Written = TypeVar("_Written")


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
    with TemporaryDirectory(prefix=f".part-{file.name}-", dir=file.parent, ignore_cleanup_errors=True) as folder:
        part = Path(folder) / file.name
        written = write(part)
        if durable:
            flush(part)
        part.replace(file)
    if durable:
        flush(file.parent)
    return written


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
