"""What every text encoder must satisfy: subclass the suite, and give the `encoder`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from sracl.contracts.promises import expect, expect_close, expect_same, kind_of

if TYPE_CHECKING:
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

    def encoder(self) -> TextEncoder:
        """The encoder under test."""
        raise NotImplementedError("give the encoder under test")

    def test_gives_a_row_per_text(self) -> None:
        """Gives a row of finite float32 numbers per text."""
        vectors = self.encoder()(TEXTS)
        fits = isinstance(vectors, np.ndarray) and vectors.dtype == np.float32 and vectors.ndim == 2 and len(vectors) == len(TEXTS)
        expect(fits, f"an array, float32 [{len(TEXTS)}, d], of {len(TEXTS)} texts", kind_of(vectors))
        expect(np.isfinite(vectors).all(), "finite numbers", f"{int((~np.isfinite(vectors)).sum())} that are not")

    def test_only_an_empty_text_is_zero(self) -> None:
        """Only an empty text is a row of zeros."""
        known = [bool(vector.any()) for vector in self.encoder()(TEXTS)]
        zeros = [text for text, is_known in zip(TEXTS, known, strict=True) if not is_known]
        expect(known == [True, True, True, True, False, True], 'zeros for "" alone', f"zeros for {zeros}")

    def test_gives_the_same_vectors_again(self) -> None:
        """Gives the same vectors again."""
        encoder = self.encoder()
        once, again = encoder(TEXTS), encoder(TEXTS)
        expect_same(torch.from_numpy(once), torch.from_numpy(again), "the same vectors at a second call")

    def test_rows_follow_the_order_of_the_texts(self) -> None:
        """Rows follow the order of the texts."""
        encoder = self.encoder()
        forward, backward = encoder(TEXTS), encoder(TEXTS[::-1])
        # Cosines rather than vectors: an encoder may learn its axes from the texts, up to sign.
        there, back = torch.from_numpy(forward @ forward.T), torch.from_numpy((backward @ backward.T)[::-1, ::-1].copy())
        expect_close(there, back, "the same products of vectors, of texts in reverse order", rtol=1e-3, atol=1e-4)
