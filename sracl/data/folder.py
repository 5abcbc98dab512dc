"""Reads a data set from a folder.

    interactions.tsv[.gz]   header `user<TAB>item` or `user<TAB>item<TAB>timestamp`; one interaction a line, each
                            user's in chronological order (users need not be grouped)
    items.jsonl[.gz]        one JSON object a line: `item` (as in the interactions) and any of `title`, `brand`,
                            `categories`, `description`, `attributes` (an object of words); other keys are not read,
                            null and [] mean that nothing is known

A folder without items is read as items without texts.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sracl.data.interactions import Interactions
from sracl.errors import DataError
from sracl.interfaces import ItemText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READER = 1
"""Part of every fingerprint; raised when one folder comes to be read differently."""

_HEADERS = (["user", "item"], ["user", "item", "timestamp"])


@dataclass(frozen=True)
class Counts:
    """What a data set's files hold, before anything is left out."""

    users: int
    items: int
    interactions: int


def files(path: Path) -> list[Path]:
    """The files of the data set in this folder: interactions, then items where there are any.

    Raises:
        DataError: There are no interactions, or one of the files is there both plain and compressed.
    """
    interactions = _either(path, "interactions.tsv")
    if interactions is None:
        raise DataError(f"{path}: no interactions.tsv or interactions.tsv.gz here")
    items = _either(path, "items.jsonl")
    return [interactions] if items is None else [interactions, items]


def fingerprint(path: Path, name: str) -> str:
    """Hash of the files' bytes, the name (which seeds the numbering of items) and this reader's version."""
    digest = hashlib.sha256(f"folder {_READER} {name}".encode())
    for file in files(path):
        digest.update(hashlib.sha256(_bytes(file)).digest())
    return digest.hexdigest()


def read(path: Path, name: str) -> tuple[Interactions, Counts]:
    """The data set in this folder, and the counts of its files.

    Raises:
        DataError: A file is missing, unreadable or malformed; the message begins with `file:line` where a line is to
            blame.
    """
    found = files(path)
    sequences, times = _read_interactions(found[0])
    notes = []
    texts: dict[str, ItemText] = {}
    if len(found) == 2:
        texts = _read_items(found[1])
    else:
        notes.append("no items.jsonl: nothing is known of the items but their names")
    chosen = {item for sequence in sequences.values() for item in sequence}
    unknown = sorted(chosen - texts.keys())
    if unknown and texts:
        notes.append(f"{len(unknown):,} of the chosen items have no line in {found[1].name}: {_some(unknown)}")
    counts = Counts(len(sequences), len(chosen), sum(len(sequence) for sequence in sequences.values()))
    return Interactions.of(name, sequences, texts, times=times, fingerprint=fingerprint(path, name), notes=notes), counts


def _either(path: Path, name: str) -> Path | None:
    present = [file for file in (path / name, path / f"{name}.gz") if file.is_file()]
    if len(present) == 2:
        raise DataError(f"{path}: both {name} and {name}.gz are here; keep one")
    return present[0] if present else None


def _some(names: list[str], limit: int = 3) -> str:
    return ", ".join(names[:limit]) + (", …" if len(names) > limit else "")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


def _lines(path: Path) -> list[str]:
    """Lines without their ends; the number of a line is its index + 1."""
    raw = _bytes(path)
    try:
        if path.suffix == ".gz":
            raw = gzip.decompress(raw)
    except gzip.BadGzipFile:
        raise DataError(f"{path}: is not compressed with gzip, as its name says") from None
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: is damaged or cut short ({error})") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = raw.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{number}: is not UTF-8 text") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    if not lines:
        raise DataError(f"{path}: is empty")
    return lines


def _read_interactions(path: Path) -> tuple[dict[str, list[str]], dict[str, list[float]] | None]:
    """Items of each user, and when they were chosen if the file says."""
    lines = _lines(path)
    header = lines[0].split("\t")
    if header not in _HEADERS:
        accepted = " or ".join(repr("\t".join(columns)) for columns in _HEADERS)
        raise DataError(f"{path}:1: the first line must be the header {accepted}, got {lines[0][:80]!r}")
    width = len(header)
    sequences: dict[str, list[str]] = {}
    times: dict[str, list[float]] = {}
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != width or not fields[0] or not fields[1]:
            raise DataError(f"{path}:{number}: expected {width} fields ({', '.join(header)}) separated by tabs, got {line[:80]!r}")
        user = fields[0]
        if width == 3:
            time, before = _time(fields[2], path, number), times.setdefault(user, [])
            if before and time < before[-1]:
                raise DataError(
                    f"{path}:{number}: user {user} goes back in time, from {before[-1]:.15g} to {fields[2]}; sort each user by time"
                )
            before.append(time)
        sequences.setdefault(user, []).append(fields[1])
    if not sequences:
        raise DataError(f"{path}: has a header and no interactions")
    return sequences, times or None


def _time(field: str, path: Path, number: int) -> float:
    try:
        time = float(field)
    except ValueError:
        time = math.nan
    if not math.isfinite(time):
        raise DataError(f"{path}:{number}: the timestamp should be a number, got {field!r}")
    return time


def _read_items(path: Path) -> dict[str, ItemText]:
    texts: dict[str, ItemText] = {}
    first: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        where = f"{path}:{number}"
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: is not JSON ({error})") from None
        if not isinstance(fields, dict):
            raise DataError(f"{where}: should be a JSON object, got {line[:80]!r}")
        item = fields.get("item")
        if isinstance(item, bool) or not isinstance(item, str | int) or item == "":
            raise DataError(f"{where}: `item` should name the item as the interactions do, got {item!r}")
        item = str(item)
        if item in first:
            raise DataError(f"{where}: item {item} has a line already, line {first[item]}")
        first[item] = number
        texts[item] = text_of(fields, where)
    return texts


def text_of(fields: Mapping[str, Any], where: str) -> ItemText:
    """What one object of items.jsonl says of its item.

    Raises:
        DataError: A field is neither text nor a list of texts; the message begins with `where`.
    """
    attributes = fields.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise DataError(f"{where}: `attributes` should be an object, got {attributes!r}")
    return ItemText(
        title=" ".join(_words(fields, "title", where)),
        brand=" ".join(_words(fields, "brand", where)),
        categories=_words(fields, "categories", where),
        description=" ".join(_words(fields, "description", where)),
        attributes={key: " ".join(words) for key in attributes if (words := _words(attributes, key, where))},
    )


def _words(fields: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The text, number or list of these under a key; nothing for null and blanks."""
    value = fields.get(key)
    values = value if isinstance(value, list) else [value]
    if any(isinstance(entry, bool) or not isinstance(entry, str | int | float | None) for entry in values):
        raise DataError(f"{where}: `{key}` should be text or a list of texts, got {value!r}")
    # 'replace': JSON may hold halves of characters, which no file and no server takes
    stripped = (" ".join(str(entry).encode(errors="replace").decode().split()) for entry in values if entry is not None)
    return tuple(entry for entry in stripped if entry)
