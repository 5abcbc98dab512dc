"""A copy of the store as it is at one moment, however many write to it meanwhile."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from sracl.errors import StoreError
from sracl.tracking.file import connect, damaged, in_words
from sracl.tracking.reader import existing_version

if TYPE_CHECKING:
    from pathlib import Path


def back_up(path: Path, to: Path) -> int:
    """Copy a store, and read the copy once, so that none is trusted which is damaged.

    Args:
        path: The store.
        to: A new file.

    Returns:
        How many runs the copy has.

    Raises:
        StoreError: There is no store, or it is damaged.
        BudgetError: The disk is full.
    """
    existing_version(path)
    copy_store(path, to)
    with in_words(path), closing(connect(to, "ro", leave_no_trace=True)) as copy:
        answer = str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])
        if answer != "ok":
            raise StoreError(damaged(path, answer))
        return int(copy.execute("SELECT count(*) FROM run").fetchone()[0])


def copy_store(path: Path, to: Path) -> None:
    """Copy a store whatever is in it, also for who holds its lock."""
    with in_words(path), closing(connect(path, "ro")) as store, closing(connect(to, "rwc")) as copy:
        store.backup(copy)
