"""One file from one address, over connections that may break: what has arrived is kept, and the next attempt goes on from there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
import urllib.request
from dataclasses import asdict, dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError

from sracl.errors import NO_SPACE, BudgetError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message
    from http.client import HTTPResponse
    from pathlib import Path
    from typing import BinaryIO

    Report = Callable[[int, int | None], None]
    """Told the bytes that have arrived, and of how many if that is known."""

WAITS = (1.0, 5.0, 15.0)
"""Seconds before each further attempt; they begin anew whenever something has arrived."""

_TIMEOUT = 60
_CHUNK = 1 << 18
_LONGEST_WAIT = 120.0
_BEYOND_THE_END = 416
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed."""


class Unavailable(Exception):
    """The file cannot be had from this address."""


@dataclass(frozen=True)
class _Origin:
    """Where a part is from, kept beside it: only the same version of the same file may be appended."""

    address: str
    """SHA-256 of the address, in which there may be a key."""
    version: str | None
    """What the server calls this version of the file: its ETag, or when it was last changed."""
    total: int | None
    """Bytes of the whole file, where the server says so."""


class Part:
    """A file that is still arriving: its bytes so far, and where they are from.

    Args:
        path: Where the file will be; the part lies beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.part")
        self._origin = path.with_name(f"{path.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def origin(self) -> _Origin | None:
        """Where they are from; None if that is not known, so that nothing may be appended."""
        try:
            return _Origin(**json.loads(self._origin.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def begin(self, origin: _Origin) -> None:
        """Forget what has arrived."""
        self.discard()
        self._origin.write_text(json.dumps(asdict(origin)), "utf-8")

    def discard(self) -> None:
        """Delete what has arrived."""
        self._origin.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self, path: Path) -> None:
        """Put the file in its place."""
        self.path.replace(path)
        self._origin.unlink(missing_ok=True)


def transfer(
    url: str,
    part: Part,
    *,
    size: int | None = None,
    report: Report = lambda done, total: None,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Make the part whole.

    Args:
        url: http or https.
        part: What has arrived in earlier attempts and processes, if anything.
        size: Bytes of the file, if they are known: a server that has another file is refused.
        report: Told how far it is.
        pause: Waits for some seconds.

    Raises:
        Unavailable: This address does not have the file, or not now. The part stays, unless it was of another file.
        BudgetError: The disk is full; the part stays.
        DataError: The part cannot be written.
    """
    fruitless, most = 0, part.size
    while True:
        try:
            return _attempt(url, part, size, report)
        except HTTPError as error:
            error.close()
            if error.code == _BEYOND_THE_END:
                part.discard()
            elif error.code not in _BUSY:
                raise Unavailable(f"the server answers {error.code} {error.reason}") from None
            reason, wanted = f"the server answers {error.code} {error.reason}", _wanted_wait(error.headers)
        except (OSError, HTTPException) as error:
            reason, wanted = _in_words(error), 0.0
        # more than ever: a server that always begins anew and breaks off now here, now there, would get us nowhere for ever
        fruitless = 0 if part.size > most else fruitless + 1
        most = max(most, part.size)
        if fruitless > len(WAITS):
            raise Unavailable(f"{reason}; {part.size:,} bytes have arrived")
        pause(max(wanted, WAITS[max(fruitless - 1, 0)]))


def _attempt(url: str, part: Part, size: int | None, report: Report) -> None:
    """Ask once for what is missing, and append it.

    Raises:
        HTTPError, OSError, HTTPException: The server refuses, or the connection breaks.
    """
    known = part.origin()
    have = part.size if known is not None and known.address == _address(url) else 0
    if have and known is not None and have == known.total:
        return
    with _opened(url, have, known) as response:
        origin = _Origin(_address(url), _version(response.headers), _total(response))
        if size is not None and origin.total is not None and origin.total != size:
            raise Unavailable(f"the file there has {origin.total:,} bytes and should have {size:,}")
        if response.status != 206 or _start(response) == 0:
            part.begin(origin)
        elif _start(response) != have or known is None or not _same(origin, known):
            part.discard()  # the next attempt asks for all of it
            raise ConnectionError("the file there has changed meanwhile")
        _receive(response, part, origin.total, report)
    if origin.total is not None and part.size != origin.total:
        raise ConnectionError(f"the connection ended after {part.size:,} of {origin.total:,} bytes")


def _opened(url: str, have: int, known: _Origin | None) -> HTTPResponse:
    request = urllib.request.Request(url, headers={"User-Agent": "sracl", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if known is not None and known.version is not None:
            request.add_header("If-Range", known.version)
    response: HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT)
    return response


def _receive(response: HTTPResponse, part: Part, total: int | None, report: Report) -> None:
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(part.path.open("ab", buffering=0))
        except OSError as error:
            raise _unwritable(error, part) from error
        report(part.size, total)
        while chunk := response.read1(_CHUNK):
            _append(file, chunk, part)
            report(part.size, total)
        os.fsync(file.fileno())


def _append(file: BinaryIO, chunk: bytes, part: Part) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise _unwritable(error, part) from error


def _unwritable(error: OSError, part: Part) -> BudgetError | DataError:
    if error.errno in NO_SPACE:
        return BudgetError(
            f"no space is left for {part.path}; what has arrived is kept: free some, and the same command goes on from there"
        )
    return DataError(f"{part.path} cannot be written ({error.strerror or error})")


def _address(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _same(origin: _Origin, known: _Origin) -> bool:
    """Whether bytes of one may follow those of the other; a server need not repeat the version."""
    return origin.total == known.total and origin.version in (known.version, None)


def _version(headers: Message) -> str | None:
    """What may stand in If-Range; an ETag that begins with W/ may not."""
    tag = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _total(response: HTTPResponse) -> int | None:
    """Bytes of the whole file, of which a part may be on its way."""
    if response.status == 206:
        found = re.fullmatch(r"bytes \d+-\d+/(\d+)", response.headers.get("Content-Range", ""))
        return int(found[1]) if found else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _start(response: HTTPResponse) -> int:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else 0


def _wanted_wait(headers: Message) -> float:
    """Seconds that the server asks for, within reason."""
    value = headers.get("Retry-After", "")
    return min(float(value), _LONGEST_WAIT) if value.isdecimal() else 0.0


def _in_words(error: OSError | HTTPException) -> str:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, TimeoutError):
        return f"nothing came for {_TIMEOUT} seconds"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror[0].lower() + reason.strerror[1:]
    return str(reason) or type(reason).__name__
