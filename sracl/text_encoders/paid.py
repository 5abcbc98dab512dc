"""Vectors that a server was paid for, kept on disk, so that nothing is paid for twice."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import numpy as np

from sracl import sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key TEXT PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"
_AT_ONCE = 500
"""Keys asked for in one statement; SQLite takes 999 in its oldest builds."""
_WAIT_SECONDS = 30.0


class Paid:
    """Vectors by the hash of all that decides them; what `keep` has returned from survives a kill and a power cut.

    Any number of processes may share a file.
    """

    def __init__(self, file: Path) -> None:
        """Nothing is created before something is kept."""
        self.file = file

    def find(self, keys: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """The vectors that are here, float32 [d] each."""
        if not self.file.is_file():
            return {}
        found: dict[str, NDArray[np.float32]] = {}
        with self._open() as database:
            for begin in range(0, len(keys), _AT_ONCE):
                some = keys[begin : begin + _AT_ONCE]
                rows = database.execute(f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(some))})", some)
                found.update({key: np.frombuffer(vector, dtype="<f4") for key, vector in rows})
        return found

    def keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Have the disk keep these, all of them or none.

        Raises:
            BudgetError: It is full.
        """
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database, database:
            database.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?)", [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
            )

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with sqlite.in_words(self.file, holds="vectors"), contextlib.closing(sqlite3.connect(self.file, timeout=_WAIT_SECONDS)) as database:
            database.execute("PRAGMA synchronous = FULL")
            database.execute(_TABLE)
            yield database
