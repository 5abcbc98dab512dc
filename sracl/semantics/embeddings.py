"""Vectors of texts: asking an encoder for them, and keeping them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from sracl.interfaces import TextEncoder


def embed(encoder: TextEncoder, texts: Sequence[str]) -> NDArray[np.float32]:
    """A vector per text, float32 [N, d]: equal texts are encoded once, empty ones are zero and never encoded.

    Raises:
        DataError: There is no text at all, or the encoder gave the wrong number of rows, or values that are no numbers.
    """
    places: dict[str, int] = {}
    where = np.array([places.setdefault(text, len(places)) if text else -1 for text in texts], dtype=np.int64)
    if not places:
        raise DataError(f"none of the {len(texts):,} texts says anything, so there is nothing to embed")
    name = type(encoder).__name__
    distinct = np.asarray(encoder(list(places)), dtype=np.float32)
    if distinct.ndim != 2 or len(distinct) != len(places):
        raise DataError(f"{name} gave an array of shape {list(distinct.shape)} for {len(places):,} texts; due is [{len(places)}, d]")
    if bad := int((~np.isfinite(distinct)).any(axis=1).sum()):
        raise DataError(f"{name} gave values that are no numbers in {bad:,} of {len(places):,} vectors")
    vectors = np.zeros((len(texts), distinct.shape[1]), dtype=np.float32)
    vectors[where >= 0] = distinct[where[where >= 0]]
    return vectors


def facts(vectors: NDArray[np.float32], names: Sequence[str]) -> dict[str, Any]:
    """What a file of vectors is later held to.

    Args:
        vectors: float32 [N, d].
        names: What each row is of, [N].
    """
    return {
        "names": _hash(names),
        "rows": int(vectors.shape[0]),
        "dimensions": int(vectors.shape[1]),
        "zero_rows": int((~vectors.any(axis=1)).sum()),
        "nan_count": int(np.isnan(vectors).sum()),
    }


def save(array: NDArray[Any], file: Path) -> None:
    """Write one array in NumPy's format.

    `numpy.save` reports a full disk without saying so (an OSError that has no number); a plain write does say it.
    """
    whole = np.ascontiguousarray(array)
    with file.open("wb") as out:
        np.lib.format.write_array_header_1_0(out, np.lib.format.header_data_from_array_1_0(whole))
        out.write(whole.reshape(-1).view(np.uint8).data)


def load(file: Path, noted: Mapping[str, Any], names: Sequence[str]) -> NDArray[np.float32]:
    """Vectors that agree with what was noted when they were written, and with the rows that are asked for.

    Whether the file's bytes are those that were written is for its artifact to know, which keeps their hash.

    Args:
        file: Written by `save`.
        noted: Their `facts`.
        names: What each row should be of, [N].

    Raises:
        DataError: The rows are of other things or in another order, or the shape or the number of zero rows or of values that
            are no numbers differ.
    """
    vectors: NDArray[np.float32] = np.load(file, allow_pickle=False)
    remedy = "Remove its folder to have it made anew."
    if vectors.ndim != 2 or vectors.dtype != np.float32 or len(vectors) != len(names):
        raise DataError(f"{file} holds {vectors.dtype} of shape {list(vectors.shape)}; due is float32 [{len(names)}, d]. {remedy}")
    if noted.get("names") != _hash(names):
        raise DataError(f"{file} holds vectors of other things than the {len(names):,} that are asked for, or in another order. {remedy}")
    found = facts(vectors, names)
    due = {name: noted.get(name) for name in found}
    if found != due or found["nan_count"]:
        raise DataError(f"{file} holds {found}; noted was {due}, and due are no values that are no numbers. {remedy}")
    return vectors


def _hash(names: Sequence[str]) -> str:
    """Of what rows are of and in which order, 40 hexadecimal digits."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:40]
