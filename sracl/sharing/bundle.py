"""The file that runs travel in: JSON lines, each with a seal, so that what is damaged is found where it is.

    {"kind":"sracl runs","format":2,"recipes":1,"protocols":2,"texts":1,"runs":24,"ranks":24}
    {"seal":"6c1f0a94be52d7e3","recipe":{…}}
    {"seal":"…","protocol":{…}}
    {"seal":"…","text":{…}}                  once for all runs that it explains; since format 2
    {"seal":"…","run":{…}}
    {"seal":"…","ranks":{…}}                 after its run, where it has ranks

The seal is the beginning of the SHA-256 of what follows it in its line. The shapes are in `record`. Runs stand in
the order of their registration, so that the same runs make the same file.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from pydantic import ValidationError

from sracl.errors import DataError
from sracl.sharing.record import ProtocolRecord, RanksRecord, RecipeRecord, Record, RunRecord, TextRecord
from sracl.wording import the_first

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FORMAT = 2
_KIND = "sracl runs"
_Sort = Literal["recipe", "protocol", "text", "run", "ranks"]
_SORTS: dict[str, type[Record]] = {
    "recipe": RecipeRecord,
    "protocol": ProtocolRecord,
    "text": TextRecord,
    "run": RunRecord,
    "ranks": RanksRecord,
}
_COUNTED: dict[str, str] = {"recipe": "recipes", "protocol": "protocols", "text": "texts", "run": "runs", "ranks": "ranks"}
"""What the first line calls the number of lines of a sort."""
_SEAL = 16
"""Hexadecimal digits of a seal."""
_BEGIN = '{"seal":"'
_PROBLEMS = 3
"""At most so many problems of a line are told."""


@dataclass(frozen=True)
class Line:
    """A line that was found whole."""

    place: str
    """`FILE:NUMBER`."""
    sort: _Sort
    content: bytes
    """JSON."""

    def record(self) -> Any:
        """Its content in its shape.

        Raises:
            DataError: It has another.
        """
        try:
            return _SORTS[self.sort].model_validate_json(self.content)
        except ValidationError as error:
            told = [f"{'.'.join(map(str, (self.sort, *each['loc'])))}: {each['msg']}" for each in error.errors()]
            raise DataError(f"{self.place}: {'; '.join(the_first(told, _PROBLEMS))}") from error


class Writer:
    """Writes a bundle.

    Args:
        file: Takes bytes.
        counts: How many lines of each sort there will be.
    """

    def __init__(self, file: IO[bytes], counts: Mapping[_Sort, int]) -> None:
        self._file = file
        header = {"kind": _KIND, "format": FORMAT, **{_COUNTED[sort]: counts.get(cast("_Sort", sort), 0) for sort in _SORTS}}
        file.write(f"{_json(header)}\n".encode())

    def write(self, sort: _Sort, content: Mapping[str, Any]) -> None:
        """Write one line."""
        rest = f'"{sort}":{_json(content)}}}'.encode()
        self._file.write(f'{_BEGIN}{_seal(rest)}",'.encode() + rest + b"\n")


@contextmanager
def compressed(path: Path) -> Iterator[IO[bytes]]:
    """What is written to a file, gzipped where its name ends with .gz, always to the same bytes."""
    with path.open("wb") as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as lines:
            yield cast("IO[bytes]", lines)


def lines(path: Path) -> Iterator[Line]:
    """The lines of a bundle as they are read, none of which is lacking when the last one was given.

    Raises:
        DataError: The file is none, is damaged or truncated, or of a newer format.
    """
    expected: dict[str, int] = {}
    found: Counter[str] = Counter()
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                place = f"{path}:{number}"
                if number == 1:
                    expected = _header(line, place)
                    continue
                read = _line(line, place)
                found[read.sort] += 1
                yield read
    except (OSError, EOFError, zlib.error) as error:
        told = getattr(error, "strerror", None) or error
        raise DataError(f"{path}:{number + 1}: cannot be read: {told}. What was read before is not kept; get the file again.") from error
    if not number:
        raise DataError(f"{path} is empty; a file of `sracl export` was expected.")
    for sort, wanted in expected.items():
        if found[sort] != wanted:
            what = f"{wanted:,} {_COUNTED[sort]} were expected and {found[sort]:,} are there"
            raise DataError(f"{path}:{number}: is the last line, and {what}. The file is not whole; get it again.")


def _header(line: bytes, place: str) -> dict[str, int]:
    """How many lines of each sort follow."""
    try:
        header = json.loads(line)
        kind, version = header["kind"], header["format"]
        if kind == _KIND and isinstance(version, int) and version > FORMAT:
            raise DataError(
                f"{place}: is of format {version}, and this version of sracl reads format {FORMAT}. Upgrade sracl to import it."
            )
        if kind != _KIND or version not in (1, FORMAT):
            raise ValueError(kind)
        return {sort: int(header[name]) for sort, name in _COUNTED.items() if version > 1 or sort != "text"}
    except (ValueError, KeyError, TypeError) as error:
        kind = f"{{{_json({'kind': _KIND})[1:-1]}, …}}"
        raise DataError(f"{place}: should be the first line of a file of `sracl export`, {kind}.{_instead(line)}") from error


def _instead(line: bytes) -> str:
    """What a file of ours that is no bundle is for."""
    return " This file has answers of language models: `sracl llm import` takes it." if b'"sracl answers"' in line[:200] else ""


def _line(line: bytes, place: str) -> Line:
    rest = line[len(_BEGIN) + _SEAL + 2 :].rstrip(b"\n")
    if line[: len(_BEGIN)] != _BEGIN.encode() or not line.endswith(b"}\n"):
        raise DataError(f'{place}: is not a whole line: {_BEGIN}…",…}} was expected. The file is damaged; get it again.')
    if line[len(_BEGIN) : len(_BEGIN) + _SEAL].decode("latin-1") != _seal(rest):
        raise DataError(f"{place}: was changed after it was written: its seal is of other contents. Get the file again.")
    name, _, content = rest[1:-1].partition(b'":')
    sort = name.decode("latin-1")
    if sort not in _SORTS:
        raise DataError(f"{place}: holds '{sort}', where {', '.join(_SORTS)} were expected.")
    return Line(place, cast("_Sort", sort), content)


def _seal(rest: bytes) -> str:
    return hashlib.sha256(rest).hexdigest()[:_SEAL]


def _json(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
