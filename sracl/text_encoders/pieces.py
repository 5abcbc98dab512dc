"""Vectors of texts that are still being encoded, on the disk, so that an encoding that is killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sracl.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Piece:
    """What came of some texts."""

    vectors: NDArray[np.float32]
    """float32 [N, d]."""
    truncated: int
    """Of these texts, those that filled all tokens there are."""


class Pieces:
    """Pieces of one encoding, by their numbers.

    A piece is there whole or not at all. One that is damaged, or of other texts or settings, is as good as none.

    Args:
        folder: Where they are kept; None keeps nothing.
        texts: All that is encoded, in order.
        settings: Everything else that vectors depend on, as JSON.
    """

    def __init__(self, folder: Path | None, texts: Sequence[str], settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._identity = _hash([json.dumps(settings, sort_keys=True), *texts]) if folder else ""

    def find(self, number: int) -> Piece | None:
        """The piece of this number, if it is there."""
        if self._folder is None:
            return None
        try:
            with safe_open(self._file(self._folder, number), framework="numpy") as opened:
                noted = opened.metadata() or {}
                return Piece(opened.get_tensor("vectors"), int(noted["truncated"])) if noted["identity"] == self._identity else None
        except (OSError, SafetensorError, KeyError, ValueError):
            return None

    def keep(self, number: int, piece: Piece) -> None:
        """Put a piece on the disk.

        Raises:
            OSError: The disk is full, or the folder cannot be written to.
        """
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        content = save({"vectors": piece.vectors}, metadata={"identity": self._identity, "truncated": str(piece.truncated)})
        write_whole(self._file(self._folder, number), lambda part: part.write_bytes(content), durable=True)

    @staticmethod
    def _file(folder: Path, number: int) -> Path:
        return folder / f"{number:06}.safetensors"


def _hash(texts: Sequence[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        found.update(text.encode("utf-8", "surrogatepass"))
        found.update(b"\0")
    return found.hexdigest()
