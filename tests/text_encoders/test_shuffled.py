from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sracl.contracts.text_encoder import TextEncoderContract
from sracl.text_encoders.lsa import LSA
from sracl.text_encoders.shuffled import Shuffled


class TestShuffled(TextEncoderContract):
    def encoder(self) -> Shuffled:
        return Shuffled(encoder=LSA(dimensions=16))


class Echo:
    """A vector is the number that its text is."""

    facts = {"kind": "echo"}

    def __init__(self) -> None:
        self.progress: object = None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[float(text.strip() or 0)] for text in texts], dtype=np.float32)


NUMBERS = [str(number) for number in range(1, 101)]


def test_every_text_gets_the_vector_of_another_and_none_is_lost() -> None:
    given = Shuffled(encoder=Echo())(NUMBERS)[:, 0]
    assert sorted(given.tolist()) == [float(text) for text in NUMBERS]
    assert not any(vector == float(text) for text, vector in zip(NUMBERS, given, strict=True))


def test_equal_texts_stay_together_and_empty_ones_stay_empty() -> None:
    given = Shuffled(encoder=Echo())(["1", "2", "", "1", "3", "2", " "])[:, 0].tolist()
    assert given[0] == given[3] != 1
    assert given[1] == given[5] != 2
    assert sorted({given[0], given[1], given[4]}) == [1, 2, 3]
    assert given[2] == 0


def test_who_gets_whose_vector_depends_on_the_texts_and_the_seed_alone() -> None:
    forward = Shuffled(encoder=Echo())(NUMBERS)
    np.testing.assert_array_equal(Shuffled(encoder=Echo())(NUMBERS[::-1])[::-1], forward)
    assert not np.array_equal(Shuffled(encoder=Echo(), seed=1)(NUMBERS), forward)


def test_speaks_for_the_encoder_within() -> None:
    within = Echo()
    encoder = Shuffled(encoder=within)
    encoder.progress = lambda done, total: None
    encoder(NUMBERS)
    assert within.progress is encoder.progress
    assert encoder.facts == {"kind": "echo"}


def test_meaning_is_gone() -> None:
    # Three kinds of 20: the nearest is of the own kind, and after a shuffle in one case of three.
    kinds = ["ballpoint pen blue ink", "shampoo curly hair", "steel stapler staples"]
    texts = [f"{kinds[place % 3]} number{place}" for place in range(60)]
    kind = np.arange(60) % 3

    def alike(vectors: NDArray[np.float32]) -> float:
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -2)
        return float((kind[cosines.argmax(axis=1)] == kind).mean())

    assert alike(LSA(dimensions=8)(texts)) == 1
    assert alike(Shuffled(encoder=LSA(dimensions=8))(texts)) < 0.6
