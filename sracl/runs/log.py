"""What a run's folder keeps of what is told while it is trained, attempt after attempt, on the disk line by line."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import IO, TYPE_CHECKING, Any, cast

from sracl.tracking.values import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE = "log.txt"


class Log:
    """Appends to a file; one that cannot be written to, such as on a full disk, ends no run.

    What a job prints goes to this file by itself, and is not written to it twice.

    Args:
        file: In a folder that is there.
        report: Told where and why nothing is kept any more.
    """

    def __init__(self, file: Path, report: Callable[[str], None]) -> None:
        self._path, self._report = file, report
        self._file: IO[str] | None = None
        self.is_printed = False
        """Whether what this process prints goes to the file anyway."""
        try:
            self._file = file.open("a", encoding="utf-8", errors="replace", buffering=1)
            self.is_printed = _goes_to(self._file)
        except OSError as error:
            self._give_up(error)

    def printed(self, text: str) -> None:
        """Keep what is printed, too."""
        if not self.is_printed:
            self.note(text)

    def note(self, text: str) -> None:
        """Keep what is not printed."""
        if self._file is not None:
            try:
                self._file.write(text)
            except OSError as error:
                self._give_up(error)

    def close(self) -> None:
        """Keep nothing from here on."""
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):
                file.close()

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._report(f"what is told of this run is not kept in {self._path}: {error.strerror or error}")


@contextmanager
def logged(file: Path, heading: str, report: Callable[[str], None]) -> Iterator[Log]:
    """A log that also gets what others print within, such as warnings.

    Args:
        file: In a folder that is there.
        heading: Follows the moment, on the first line. A job's has one already.
        report: Told where and why nothing is kept any more.
    """
    log = Log(file, report)
    log.printed(f"── {now().astimezone():%Y-%m-%d %H:%M:%S}  {heading}\n")
    try:
        with redirect_stdout(cast("IO[str]", _Both(sys.stdout, log))), redirect_stderr(cast("IO[str]", _Both(sys.stderr, log))):
            yield log
    finally:
        log.close()


def _goes_to(file: IO[str]) -> bool:
    """Whether this process's errors are written to a file."""
    try:
        return sys.__stderr__ is not None and os.path.samestat(os.fstat(sys.__stderr__.fileno()), os.fstat(file.fileno()))
    except OSError:  # it was closed, or is none of the system's
        return False


class _Both:
    """What is written goes to a stream and to a log; all else is the stream's."""

    def __init__(self, stream: IO[str], log: Log) -> None:
        self._stream, self._log = stream, log

    def write(self, text: str) -> int:
        self._log.printed(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
