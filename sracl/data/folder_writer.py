"""Writes a data set as a folder that `sracl.data.folder` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sracl.interfaces import ItemText


def write(
    path: Path,
    sequences: Mapping[str, Sequence[tuple[str, int | float | None]]],
    texts: Mapping[str, ItemText],
) -> None:
    """Write interactions.tsv, and items.jsonl if there are texts; not compressed, so that the bytes are the same everywhere.

    Args:
        path: An empty folder.
        sequences: Items and times of each user, in chronological order; all with times or all without.
        texts: What is known of items; fields without a value are left out.

    Raises:
        DataError: A name holds a tab, the end of a line or half a character.
        OSError: It cannot be written.
    """
    timed = any(time is not None for sequence in sequences.values() for _, time in sequence)
    with (path / "interactions.tsv").open("w", encoding="utf-8", newline="") as file:
        file.write("user\titem\ttimestamp\n" if timed else "user\titem\n")
        for user, sequence in sequences.items():
            for item, time in sequence:
                file.write("\t".join([_name(user), _name(item), *([f"{time}"] if timed else [])]) + "\n")
    if texts:
        # 'replace': JSON may hold halves of characters, which no file can
        with (path / "items.jsonl").open("w", encoding="utf-8", errors="replace", newline="") as file:
            for item in sorted(texts):
                file.write(json.dumps(_fields(item, texts[item]), ensure_ascii=False) + "\n")


def _name(name: str) -> str:
    if any(character in name for character in "\t\r\n"):
        raise DataError(f"{name!r} cannot name a user or item: it holds a tab or the end of a line")
    if any("\ud800" <= character <= "\udfff" for character in name):  # JSON may hold halves of characters, which no file can
        raise DataError(f"{name!r} cannot name a user or item: it holds half a character")
    return name


def _fields(item: str, text: ItemText) -> dict[str, Any]:
    fields = {
        "item": item,
        "title": text.title,
        "brand": text.brand,
        "categories": list(text.categories),
        "description": text.description,
        "attributes": dict(text.attributes),
    }
    return {key: value for key, value in fields.items() if value}
