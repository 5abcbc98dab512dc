"""What every text encoder must satisfy: subclass the suite and give `encoder`."""

from __future__ import annotations

import numpy as np
import pytest

from sracl.interfaces import TextEncoder

TEXTS = [
    "Blue ballpoint pens, fine point, box of twelve",
    "Black ballpoint pens with a fine point",
    "Lavender shampoo for curly hair",
    "Shampoo and conditioner for dry hair",
    "",
    "Steel stapler with one thousand staples",
]


class TextEncoderContract:
    """Suite of a text encoder."""

    @pytest.fixture
    def encoder(self) -> TextEncoder:
        raise NotImplementedError("give the encoder under test")

    def test_gives_a_row_per_text(self, encoder: TextEncoder) -> None:
        vectors = encoder(TEXTS)
        assert vectors.dtype == np.float32
        assert vectors.ndim == 2
        assert len(vectors) == len(TEXTS)
        assert bool(np.isfinite(vectors).all())

    def test_only_an_empty_text_is_zero(self, encoder: TextEncoder) -> None:
        assert encoder(TEXTS).any(axis=1).tolist() == [True, True, True, True, False, True]

    def test_gives_the_same_vectors_again(self, encoder: TextEncoder) -> None:
        np.testing.assert_array_equal(encoder(TEXTS), encoder(TEXTS))

    def test_rows_follow_the_order_of_the_texts(self, encoder: TextEncoder) -> None:
        forward, backward = encoder(TEXTS), encoder(TEXTS[::-1])
        # Cosines rather than vectors: an encoder may learn its axes from the texts, up to sign.
        np.testing.assert_allclose(forward @ forward.T, (backward @ backward.T)[::-1, ::-1], rtol=1e-3, atol=1e-4)
