"""Vectors of texts: asking an encoder for them, and keeping them."""

from __future__ import annotations

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


def facts(vectors: NDArray[np.float32]) -> dict[str, Any]:
    """What a file of vectors is later held to."""
    return {
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


def load(file: Path, expected: Mapping[str, Any], rows: int) -> NDArray[np.float32]:
    """Vectors that agree with what was noted when they were written.

    Args:
        file: Written by `save`.
        expected: Their `facts`.
        rows: Rows due now.

    Raises:
        DataError: The number of rows, the width or the number of values that are no numbers differ.
    """
    vectors: NDArray[np.float32] = np.load(file, allow_pickle=False)
    if vectors.ndim != 2 or vectors.dtype != np.float32:
        raise DataError(f"{file} holds {vectors.dtype} of shape {list(vectors.shape)}; due is float32 [{rows}, d]")
    found = facts(vectors)
    noted = {name: expected.get(name) for name in found}
    if found != noted or found["rows"] != rows or found["nan_count"]:
        raise DataError(
            f"{file} holds {found}; noted was {noted}, and due are {rows} rows without NaN. Remove its folder to have it made anew."
        )
    return vectors
