"""Whether the store has changed."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sracl.tracking.file import connect

if TYPE_CHECKING:
    from pathlib import Path


class Watch:
    """Looks at a store that is there, and tells changes by other processes.

    Its connection is kept and never opens a transaction, so it holds up neither writers nor the checkpoint of the
    write-ahead log.

    Args:
        store: The SQLite file.
        leave_no_trace: Look at the files' times and sizes, and open none.
    """

    def __init__(self, store: Path, *, leave_no_trace: bool) -> None:
        self._files = (store, store.with_name(store.name + "-wal"))
        self._view = None if leave_no_trace else connect(store, "ro")
        self._seen: object = None
        self._number = _number(store)

    @property
    def is_current(self) -> bool:
        """Whether the store is still the file that is looked at: it may have been moved away, and another put in its place."""
        return _number(self._files[0]) == self._number

    def changed(self) -> bool:
        """Whether something was written since the last look, and at the first one."""
        try:
            found = self._view.execute("PRAGMA data_version").fetchone() if self._view else [stamp_of(file) for file in self._files]
        except sqlite3.OperationalError:
            return False  # the store is being made, or locked for a moment: look again
        if found == self._seen:
            return False
        self._seen = found
        return True

    def close(self) -> None:
        """Close the connection."""
        if self._view:
            self._view.close()


def _number(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def stamp_of(file: Path) -> tuple[int, int] | None:
    """Another one whenever a file was written to; None where there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size
