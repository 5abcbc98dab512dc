from __future__ import annotations

import numpy as np
import pytest

from sracl.contracts.text_encoder import TEXTS, TextEncoderContract
from sracl.errors import DataError
from sracl.text_encoders.lsa import LSA


class TestLSA(TextEncoderContract):
    def encoder(self) -> LSA:
        return LSA(dimensions=16)


def test_rows_have_length_one() -> None:
    vectors = LSA()(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 1, 1, 0, 1], atol=1e-6)


def test_full_width_keeps_the_cosines_of_tf_idf() -> None:
    # Three texts, words a1 b2 c3; idf of a1 and b2 (two texts of three) ln(4/3) + 1 = 1.2877, of c3 ln(4/2) + 1 = 1.6931.
    # cos(a1 b2, a1 c3) = 1.2877² / (1.2877·√2 · √(1.2877² + 1.6931²)) = 1.6582 / (1.8211 · 2.1272) = 0.42805
    # cos(a1 b2, b2) = 1 / √2; cos(a1 c3, b2) = 0.
    vectors = LSA()(["a1 b2", "a1 c3", "b2"])
    cosines = vectors @ vectors.T
    np.testing.assert_allclose(cosines[0, 1:], [0.42805, 0.70711], atol=1e-4)
    np.testing.assert_allclose(cosines[1, 2], 0, atol=1e-5)


def test_dimensions_shrink_with_the_texts() -> None:
    assert LSA(dimensions=128)(TEXTS).shape == (6, 6)


def test_words_of_a_single_text_count_only_where_texts_are_few() -> None:
    common = [f"paper clip {'red' if i % 2 else 'blue'}" for i in range(300)]
    encoder = LSA(dimensions=4)
    encoder([*common, "unheard"])
    assert encoder.facts["words"] == 4  # paper, clip, red, blue
    assert not encoder([*common, "unheard"])[-1].any()
    encoder([*common[:10], "unheard"])
    assert encoder.facts["words"] == 5


def test_texts_of_stop_words_alone_are_refused() -> None:
    with pytest.raises(DataError, match="no word but stop words"):
        LSA()(["the of and", "to be"])


@pytest.mark.filterwarnings("error")
def test_texts_that_all_say_the_same_have_one_vector() -> None:
    encode = LSA()
    vectors = encode(["people who like things", "things: who like people?"] * 2)
    np.testing.assert_allclose(vectors @ vectors.T, 1.0, atol=1e-6)
    assert encode.facts["variance_kept"] == 1.0
