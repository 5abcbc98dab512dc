"""The reading half of the store, on the standard library alone."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Self

from sracl.errors import StoreError
from sracl.tracking.file import VERSION, connect, in_words, kept_version, locked

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType


class Reader:
    """What happened, in one SQLite file, to be read by `queries`; a context manager.

    Every view is a connection of its own, so a reader may be used from several threads and holds nothing in between.
    """

    def __init__(self, path: Path, version: int, *, leave_no_trace: bool = False) -> None:
        self.path = path
        """The SQLite file."""
        self._leave_no_trace = leave_no_trace
        self.notice = ""
        """What the user should know about this store; mostly empty."""
        self.version = version
        """Of its tables."""
        if version > VERSION:
            self.notice = (
                f"The store at {path} was written by a newer sracl (schema {version}, this program knows {VERSION}): "
                "it is opened read-only. Upgrade sracl to write to it."
            )

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a store that is there.

        Raises:
            StoreError: The file is damaged, is no store, or is not there to be read.
        """
        return cls(path, existing_version(path))

    @classmethod
    def leaving_no_trace(cls, path: Path) -> Self:
        """Open a store that is there, and make no file beside it either, as SQLite's readers do while they read.

        Raises:
            StoreError: The file is damaged, is no store, or is not there to be read.
        """
        return cls(path, existing_version(path, leave_no_trace=True), leave_no_trace=True)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A consistent view, to be left as soon as the rows are copied: an open one keeps the write-ahead log growing."""
        with in_words(self.path), closing(connect(self.path, "ro", leave_no_trace=self._leave_no_trace)) as view:
            view.execute("BEGIN")
            yield view

    def close(self) -> None:
        """Close the file."""

    def __enter__(self) -> Self:
        """The store itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the file."""
        self.close()


def existing_version(path: Path, *, leave_no_trace: bool = False) -> int:
    """Version of the tables of a store that is there.

    Raises:
        StoreError: There is nothing to read, the file is damaged, or it is no store.
    """
    if not path.is_file():
        raise StoreError(f"There is no store at {path} yet; `sracl run RECIPE` makes one.")
    with in_words(path), locked(path, shared=True):
        version = kept_version(path, "ro", leave_no_trace=leave_no_trace)
    if version is None:
        raise StoreError(f"The store at {path} is empty; `sracl run RECIPE` fills it.")
    return version
