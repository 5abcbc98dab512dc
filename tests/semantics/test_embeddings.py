from __future__ import annotations

import errno
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sracl.errors import DataError
from sracl.semantics import embeddings

NAMES = list("abcdef")


class Lengths:
    """A vector is the length of its text, and 1."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def test_equal_texts_are_encoded_once_and_empty_ones_never() -> None:
    encoder = Lengths()
    vectors = embeddings.embed(encoder, ["abc", "", "a", "abc"])
    assert encoder.asked == ["abc", "a"]
    np.testing.assert_array_equal(vectors, [[3, 1], [0, 0], [1, 1], [3, 1]])


def test_without_any_text_there_is_nothing_to_embed() -> None:
    with pytest.raises(DataError, match="none of the 2 texts says anything"):
        embeddings.embed(Lengths(), ["", ""])


def test_wrong_answers_are_refused() -> None:
    with pytest.raises(DataError, match=r"shape \[1, 3\] for 2 texts"):
        embeddings.embed(lambda texts: np.ones((1, 3), dtype=np.float32), ["a", "b"])
    with pytest.raises(DataError, match="no numbers in 1 of 2 vectors"):
        embeddings.embed(lambda texts: np.array([[1.0], [np.nan]], dtype=np.float32), ["a", "b"])


def test_vectors_come_back_as_they_were_kept(tmp_path: Path) -> None:
    vectors = np.arange(12, dtype=np.float32).reshape(6, 2)[::-1]  # not contiguous
    embeddings.save(vectors, tmp_path / "v.npy")
    facts = embeddings.facts(vectors, NAMES)
    # sha256 of "a\nb\nc\nd\ne\nf"
    names = hashlib.sha256(b"a\nb\nc\nd\ne\nf").hexdigest()[:40]
    assert facts == {"names": names, "rows": 6, "dimensions": 2, "zero_rows": 0, "nan_count": 0}
    np.testing.assert_array_equal(embeddings.load(tmp_path / "v.npy", facts, NAMES), vectors)


def test_vectors_that_are_not_what_was_noted_are_refused(tmp_path: Path) -> None:
    vectors = np.ones((6, 2), dtype=np.float32)
    file = tmp_path / "v.npy"
    embeddings.save(vectors, file)
    noted = embeddings.facts(vectors, NAMES)
    with pytest.raises(DataError, match=r"shape \[6, 2\]; due is float32 \[5, d\]"):
        embeddings.load(file, noted, NAMES[:5])
    with pytest.raises(DataError, match="of other things than the 6 that are asked for, or in another order"):
        embeddings.load(file, noted, NAMES[::-1])
    with pytest.raises(DataError, match="noted was"):
        embeddings.load(file, {**noted, "zero_rows": 2}, NAMES)
    embeddings.save(np.where(np.eye(6, 2), np.nan, vectors).astype(np.float32), file)
    with pytest.raises(DataError, match="no numbers"):
        embeddings.load(file, {**noted, "nan_count": 2}, NAMES)
    embeddings.save(np.ones(6, dtype=np.int64), file)
    with pytest.raises(DataError, match="holds int64"):
        embeddings.load(file, noted, NAMES)


def test_a_full_disk_is_reported_as_one() -> None:
    # numpy.save would raise an OSError without a number here.
    with pytest.raises(OSError) as error:
        embeddings.save(np.ones((100_000, 2)), Path("/dev/full"))
    assert error.value.errno == errno.ENOSPC
