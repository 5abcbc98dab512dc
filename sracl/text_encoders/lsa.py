"""Latent semantic analysis: TF-IDF and truncated singular value decomposition."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from sracl.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

_SMALL = 200
"""Below so many texts a word counts even if it occurs once."""

_ENOUGH = 40_000
"""Texts from which the axes are learned; the others are only projected."""


class LSA:
    """Words weighed by rarity, projected on the directions in which the texts at hand differ most.

    With X the TF-IDF matrix of the texts, float [N, words], and X ≈ U S Wᵀ, the vectors are the rows of X W scaled to
    length 1. A word weighs (1 + ln count) · (1 + ln((1 + N) / (1 + texts with it))); English stop words do not count.

    Needs no model and gives the same vectors each time. Vectors of one call are comparable with one another and with
    no other call's, since the axes come from the texts.

    Source: Deerwester et al. 1990, doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9.
    """

    def __init__(
        self,
        *,
        dimensions: Annotated[int, Field(ge=1)] = 128,
        min_texts: Annotated[int, Field(ge=1)] = 2,
        iterations: Annotated[int, Field(ge=1)] = 2,
    ) -> None:
        """Make an encoder.

        Args:
            dimensions: Width d of the vectors; less where there are fewer texts or words.
            min_texts: Texts in which a word must occur to count; 1 where there are fewer than 200 texts.
            iterations: Power iterations of the randomised decomposition.
        """
        self.dimensions = dimensions
        self.min_texts = min_texts
        self.iterations = iterations
        self.facts: dict[str, Any] = {}
        """Words, dimensions and share of variance kept, of the last call."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, float32 [N, d]: length 1, or zero where no word counts.

        Raises:
            DataError: No word counts in any text.
        """
        min_texts = self.min_texts if len(texts) >= _SMALL else 1
        counts = TfidfVectorizer(sublinear_tf=True, min_df=min_texts, stop_words="english", dtype=np.float32)
        try:
            words = counts.fit_transform(texts)
        except ValueError as error:  # what scikit-learn says of an empty vocabulary
            raise DataError(f"lsa: no word but stop words occurs in {min_texts} or more of the {len(texts):,} texts ({error})") from error
        width = min(self.dimensions, *words.shape)
        if width < self.dimensions:
            _log.info("lsa: %d dimensions instead of %d, for %d texts of %d words", width, self.dimensions, *words.shape)
        decomposition = TruncatedSVD(width, n_iter=self.iterations, random_state=0)
        step = -(-words.shape[0] // _ENOUGH)
        with np.errstate(invalid="ignore", divide="ignore"):  # where all texts have the same words, which vary in nothing
            decomposition.fit(words[::step])
        kept = float(decomposition.explained_variance_ratio_.sum())
        vectors = decomposition.transform(words)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self.facts = {
            "words": int(words.shape[1]),
            "fitted_on": int(-(-words.shape[0] // step)),
            "variance_kept": round(kept, 4) if np.isfinite(kept) else 1.0,
        }
        return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0), dtype=np.float32)
