"""Each text gets the vector of another: the control that shows what the meaning of texts is worth."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from sracl.interfaces import TextEncoder


class Shuffled:
    """Encodes, instead of each text, another of the texts at hand.

    A control: what there is to read stays as it is, and only what it is said of changes. Distinct texts stand in a ring, in
    the order of hashes of `seed` and text, and each is encoded as the next; so no text keeps its own vector unless it is the
    only one, and the order in which they are given does not matter.

    Equal texts stay together: rows that said the same say the same still, only something else. So the vectors, how they
    crowd, and which rows are twins are those of the encoder within, and what is lost is meaning alone. Twins matter: of
    sequences, many are equal because the same items stand in them, and their being neighbours takes no understanding. The
    retriever `random` takes twins away as well.

    This is done to texts as they are encoded, since here all of them are seen at once, and a language model that wrote them
    need not be asked again.
    """

    def __init__(self, *, encoder: TextEncoder, seed: Annotated[int, Field(ge=0)] = 0) -> None:
        """Make an encoder.

        Args:
            encoder: What encodes the texts.
            seed: Another seed, another ring.
        """
        self.encoder = encoder
        self.seed = seed
        self.progress: Callable[[int, int], None] | None = None
        """Told how many texts of how many are done, where the encoder within tells."""
        self.unfinished: Path | None = None
        """Where the encoder within may keep vectors until all are there."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the encoder within has to say."""
        return dict(getattr(self.encoder, "facts", {}))

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, float32 [N, d]; zero for an empty text."""
        if hasattr(self.encoder, "progress"):
            self.encoder.progress = self.progress
        if hasattr(self.encoder, "unfinished"):
            self.encoder.unfinished = self.unfinished
        ring = sorted({text for text in texts if text.strip()}, key=self._place)
        following = dict(zip(ring, [*ring[1:], *ring[:1]], strict=True))
        return self.encoder([following.get(text, text) for text in texts])

    def _place(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.seed}\n{text}".encode()).digest()
