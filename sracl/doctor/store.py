"""Whether the store is whole, and whether its moments agree with the clock."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from sracl.doctor.check import Check
from sracl.errors import StoreError
from sracl.tracking import queries
from sracl.tracking.file import VERSION, connect, in_words, mend
from sracl.tracking.reader import Reader
from sracl.tracking.values import now

if TYPE_CHECKING:
    from pathlib import Path

_LARGE_LOG = 64 * 2**20
_TOLERANCE = timedelta(minutes=2)


def store(path: Path) -> list[Check]:
    """Every page read once (`PRAGMA quick_check`), version, size, write-ahead log, and the clock."""
    moment = f"{now():%Y-%m-%d %H:%M:%S} UTC"
    if not path.is_file():
        return [Check("store", "ok", f"none yet at {path}"), Check("clock", "ok", moment)]
    try:
        answer, notice, newest = _looked(path)
    except StoreError as error:
        return [_damaged(path, str(error)), Check("clock", "ok", moment)]
    return [_whole(path, answer, notice), _clock(moment, newest)]


def _looked(path: Path) -> tuple[str, str, list[queries.RunRow]]:
    """What SQLite finds, what the reader has to say, and the newest run."""
    try:
        found = _look(path, leave_no_trace=True)
    except StoreError:
        found = None
    # a program that begins to write just then misleads a look that leaves no trace: bad news takes a second one
    return found if found and found[0] == "ok" else _look(path, leave_no_trace=False)


def _look(path: Path, *, leave_no_trace: bool) -> tuple[str, str, list[queries.RunRow]]:
    with (Reader.leaving_no_trace if leave_no_trace else Reader.open)(path) as reader:
        newest = queries.runs(reader, limit=1)
    with in_words(path), closing(connect(path, "ro", leave_no_trace=leave_no_trace)) as view:
        return str(view.execute("PRAGMA quick_check(1)").fetchone()[0]), reader.notice, newest


def _whole(path: Path, answer: str, notice: str) -> Check:
    log = path.with_name(f"{path.name}-wal")
    logged = log.stat().st_size if log.is_file() else 0
    found = f"{path}: whole, schema {VERSION}, {_size(path.stat().st_size)}, write-ahead log {_size(logged)}"
    if answer != "ok":
        return _damaged(path, f"{path} is damaged: {answer}")
    if notice:
        return Check("store", "warning", notice, "pip install --upgrade sracl")
    if logged > _LARGE_LOG:
        return Check("store", "warning", found, "Some program keeps an old view of the store open; close it, and the log shrinks.")
    return Check("store", "ok", found)


def _damaged(path: Path, found: str) -> Check:
    return Check("store", "problem", found, "" if mend(path) in found else mend(path), exit_code=8)


def _clock(moment: str, newest: list[queries.RunRow]) -> Check:
    ahead = max((run.created - now() for run in newest), default=timedelta())
    if ahead > _TOLERANCE:
        found = f"{moment}, yet the newest run was registered {ahead} later"
        return Check("clock", "warning", found, "Set the clock: ages, and the silence of other machines, are told by it.")
    return Check("clock", "ok", moment)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
