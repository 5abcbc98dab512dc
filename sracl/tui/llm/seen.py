"""Stored answers as the terminal interface sees them."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from sracl import sqlite
from sracl.llm_providers.answers import Answers
from sracl.llm_providers.ledger import owners
from sracl.tracking.file import connect
from sracl.tui.watch import stamp_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


class SeenAnswers(Answers):
    """The stored answers, to be looked at while others write them: a view holds up nobody, and is left as soon as it is read.

    Args:
        leave_no_trace: Make no file beside them either.
    """

    def __init__(self, *, leave_no_trace: bool) -> None:
        super().__init__()
        self._leave_no_trace = leave_no_trace

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """A consistent view.

        Raises:
            DataError: The file cannot be used.
        """
        with (
            sqlite.in_words(self.file, holds="answers"),
            closing(connect(self.file, "ro", leave_no_trace=self._leave_no_trace)) as view,
        ):
            view.execute("BEGIN")
            yield view

    def stamp(self) -> object:
        """Another one whenever something was written, or somebody began or ended to ask."""
        return [stamp_of(file) for file in (self.file, self.file.with_name(f"{self.file.name}-wal"), owners(self.file))]
