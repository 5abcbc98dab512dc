"""Texts that describe items and sequences: asking a provider for them, and keeping them."""

from __future__ import annotations

import gzip
import json
from itertools import islice
from typing import TYPE_CHECKING

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from sracl.interfaces import LLMProvider, Prompt

_CHUNK = 8192
"""Prompts held in memory at a time, since all of them would be larger than the data; a provider with `at_once` gets all."""


def describe(provider: LLMProvider, prompts: Iterable[Prompt], *, progress: Callable[[int], None] | None = None) -> list[str]:
    """One description per prompt, on one line; empty where the prompt knows nothing.

    Args:
        provider: Writes the descriptions.
        prompts: What is to be described, in order.
        progress: Told how many are done, now and then.

    Raises:
        DataError: The provider gave more or fewer texts than it was given prompts, or something that is no text.
    """
    rest = iter(prompts)
    texts: list[str] = []
    together = None if getattr(provider, "at_once", False) else _CHUNK
    while chunk := list(islice(rest, together)):
        known = [prompt for prompt in chunk if not prompt.is_empty]
        written = provider(known)
        if len(written) != len(known):
            raise DataError(f"{type(provider).__name__} wrote {len(written)} descriptions for {len(known)} prompts")
        if wrong := [text for text in written if not isinstance(text, str)]:
            raise DataError(f"{type(provider).__name__} gave {wrong[0]!r} where a description was due")
        answers = iter(written)
        texts.extend("" if prompt.is_empty else " ".join(next(answers).split()) for prompt in chunk)
        if progress is not None:
            progress(len(texts))
    return texts


def save(texts: Sequence[str], file: Path) -> None:
    """Write one JSON string a line, gzipped; the same texts give the same bytes."""
    with file.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=3, mtime=0) as packed:
        packed.writelines(f"{json.dumps(text, ensure_ascii=False)}\n".encode() for text in texts)


def load(file: Path) -> list[str]:
    """The texts written by `save`."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def pick(file: Path, rows: Collection[int]) -> dict[int, str]:
    """The texts of some rows, of those written by `save`; the others are passed over unread, for a pool may have millions."""
    wanted = set(rows)
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return {row: json.loads(line) for row, line in enumerate(lines) if row in wanted}
