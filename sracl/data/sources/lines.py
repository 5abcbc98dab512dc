"""Reads a text file line by line, compressed or not, however large it is."""

from __future__ import annotations

import codecs
import gzip
import zlib
from typing import TYPE_CHECKING

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path

_GZIP = b"\x1f\x8b"
_UTF_8 = "UTF-8"


def starts_with(path: Path, length: int) -> bytes:
    """The first bytes of a file, as they are on disk.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def first_line(path: Path, encoding: str | None = None) -> str:
    """The first line, with a mark for each byte that is no text; empty if there is none.

    Raises:
        DataError: The file cannot be read, or is damaged.
    """
    for raw in _raw_lines(path, longest=1_000_000):
        raw, encoding = _begun(raw, encoding)
        return raw.decode(encoding or _UTF_8, errors="replace")
    return ""


def lines(path: Path, encoding: str | None = None) -> Iterator[tuple[int, str]]:
    """Every line without its end, and its number from 1. Whether the file is compressed is seen from its bytes.

    Args:
        path: The file.
        encoding: As the user may name it; None for a form that is UTF-8 always. A mark of UTF-8 at its beginning is believed first.

    Raises:
        DataError: The file cannot be read, is damaged or is not in this encoding; the message names the line.
    """
    for number, raw in enumerate(_raw_lines(path), start=1):
        if number == 1:
            raw, encoding = _begun(raw, encoding)
        try:
            yield number, raw.decode(encoding or _UTF_8)
        except UnicodeDecodeError:
            hint = "" if encoding is None else "; --encoding names what it is, such as latin-1"
            raise DataError(f"{path}:{number}: is not {encoding or _UTF_8} text{hint}") from None


def reads_lines(encoding: str) -> bool:
    """Whether there is an encoding of this name, and one in which lines end as in ASCII, as they do not in UTF-16."""
    try:
        return b"1,a\n".decode(encoding) == "1,a\n"
    except (LookupError, ValueError):
        return False


def _begun(raw: bytes, encoding: str | None) -> tuple[bytes, str | None]:
    """The first line without its mark, and the encoding that holds."""
    marked = raw.startswith(codecs.BOM_UTF8)
    return (raw.removeprefix(codecs.BOM_UTF8), encoding and _UTF_8) if marked else (raw, encoding)


def _raw_lines(path: Path, longest: int = -1) -> Iterator[bytes]:
    compressed = starts_with(path, len(_GZIP)) == _GZIP
    try:
        with _opened(path, compressed) as file:
            while raw := file.readline(longest):
                yield raw.rstrip(b"\r\n")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: is damaged or cut short ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _opened(path: Path, compressed: bool) -> BufferedIOBase:
    return gzip.open(path, "rb") if compressed else path.open("rb")
