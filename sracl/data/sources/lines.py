"""Reads a text file line by line, compressed or not, however large it is."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedIOBase
    from pathlib import Path

_GZIP = b"\x1f\x8b"


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


def first_line(path: Path) -> str:
    """The first line, with a mark for each byte that is no text; empty if there is none.

    Raises:
        DataError: The file cannot be read, or is damaged.
    """
    for raw in _raw_lines(path, longest=1_000_000):
        return raw.decode("utf-8-sig", errors="replace")
    return ""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line without its end, and its number from 1. Whether the file is compressed is seen from its bytes.

    Raises:
        DataError: The file cannot be read, is damaged or is not UTF-8; the message names the line.
    """
    for number, raw in enumerate(_raw_lines(path), start=1):
        try:
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{path}:{number}: is not UTF-8 text") from None


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
