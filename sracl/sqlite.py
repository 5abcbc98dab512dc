"""What SQLite reports, in the user's words; above all of files in the cache that hold what was paid for."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
from typing import TYPE_CHECKING

from sracl.errors import BudgetError, DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CUT_SHORT = (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE)
"""What a quota, or a disk that fails, makes of a write."""


def is_out_of_space(error: BaseException) -> bool:
    """Whether nothing more can be written: the disk is full, over its quota or failing."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF == sqlite3.SQLITE_FULL or code in _CUT_SHORT  # the low byte is the primary code


@contextlib.contextmanager
def in_words(file: Path, *, holds: str) -> Iterator[None]:
    """SQLite's errors as ours.

    Args:
        file: The file in the cache.
        holds: What was paid for and is kept there, such as `answers`.

    Raises:
        BudgetError: The disk is full.
        DataError: The file cannot be used.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        if is_out_of_space(error):
            raise BudgetError(
                f"no space left on the disk of {file}; {holds} that were paid for before are kept. Free some space, or set "
                "SRACL_CACHE_DIR to a folder on another disk, and run the same command again."
            ) from error
        raise DataError(f"{file}, where {holds} that were paid for are kept, cannot be used ({error}).") from error
    except OSError as error:  # of the files beside it, where the folder may only be read
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise DataError(
            f"{file}, where {holds} that were paid for are kept, cannot be used: {error.filename} cannot be written ({error.strerror}). "
            "Copy it to a folder of your own, and set SRACL_CACHE_DIR to that."
        ) from error
