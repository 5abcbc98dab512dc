"""The files of a data set from the addresses on its card, each checked before it counts."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import time
import zlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sracl.data.sources.transfer import Part, Unavailable, transfer
from sracl.errors import DataError, ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sracl.data.sources.transfer import Report
    from sracl.registry.dataset import SourceFile


class _Wrong(Unavailable):
    """What arrived is not the file."""


def download(
    file: SourceFile,
    folder: Path,
    *,
    say: Callable[[str], None] = lambda line: None,
    report: Report = lambda done, total: None,
    pause: Callable[[float], None] = time.sleep,
) -> Path:
    """Have a file in a folder: as it was downloaded before, or from the first of its addresses that has it.

    Its SHA-256 is compared with the card's if that knows it, and otherwise with the one written down beside the file
    when it was first downloaded.

    Args:
        file: With one address at least.
        folder: Where it is kept.
        say: Told what is done, a line each.
        report: Told how many bytes of how many there are.
        pause: Waits for some seconds.

    Raises:
        DataError: An address had something else than the file.
        ResourceError: No address has the file at present, or another process is downloading it.
        BudgetError: The disk is full; what has arrived is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file.name
    with _alone(path):
        expected, source = _expected(file, path)
        if path.is_file():
            digest = _sha256(path)
            if digest == (expected or digest):
                _write_down(path, digest)
                say(f"{file.name} is here already, in {folder}")
                return path
            say(f"{file.name} in {folder} is not what {source} says; downloading it anew")
        part, failures = Part(path), []
        for url in file.urls:
            say(f"downloading {_shown(url)}")
            try:
                transfer(url, part, size=file.bytes, report=report, pause=pause)
                digest = _checked(part, file, expected, source)
            except Unavailable as error:
                say(f"  {error}")
                failures.append((url, error))
                continue
            _write_down(path, digest)
            part.finish(path)
            return path
    raise _failed(file, failures)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from the file; the system lets go of the lock however this one ends."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResourceError(f"another process is downloading {path}") from None
        yield


def _expected(file: SourceFile, path: Path) -> tuple[str | None, str]:
    """The SHA-256 that the file should have, if that is known, and who says so."""
    record = _record(path)
    if file.sha256 is None and record.is_file():
        return record.read_text("utf-8").partition(" ")[0], f"{record.name}, written when it was first downloaded,"
    return file.sha256, "its card"


def _record(path: Path) -> Path:
    """In the form that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def _write_down(path: Path, digest: str) -> None:
    _record(path).write_text(f"{digest}  {path.name}\n", "utf-8")


def _checked(part: Part, file: SourceFile, expected: str | None, source: str) -> str:
    """The SHA-256 of a whole part; one that is not the file is deleted, so that no attempt begins with it.

    Raises:
        _Wrong: It is not the file.
    """
    digest, wrong = _sha256(part.path), ""
    if file.bytes is not None and part.size != file.bytes:
        wrong = f"what came has {part.size:,} bytes and should have {file.bytes:,}"
    elif expected is not None and digest != expected:
        wrong = f"what came has the SHA-256 {digest}, and {source} says {expected}"
    elif expected is None and file.name.endswith(".gz") and not _is_whole_gzip(part.path):
        wrong = "what came is no whole file of gzip"
    if wrong:
        part.discard()
        raise _Wrong(wrong)
    return digest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_whole_gzip(path: Path) -> bool:
    """Whether it unpacks to its end: nothing else tells where neither length nor checksum is known."""
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error):
        return False
    return True


def _failed(file: SourceFile, failures: list[tuple[str, Unavailable]]) -> DataError | ResourceError:
    lines = "\n".join(f"  {_shown(url)}: {error}" for url, error in failures)
    if any(isinstance(error, _Wrong) for _, error in failures):
        return DataError(f"{file.name} was not accepted from any address:\n{lines}\nNothing of what was wrong is kept.")
    return ResourceError(
        f"{file.name} could not be downloaded:\n{lines}\n"
        "What has arrived is kept, and the same command goes on from there. --mirror names another place that has the file."
    )


def _shown(url: str) -> str:
    """An address without what may be a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
