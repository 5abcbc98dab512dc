"""The part of a backbone that nearly all share: an item table, and scores by dot product with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from sracl.interfaces import HistoryBias, MaskMode, Predicts, SequenceSpec, Want


class Backbone(nn.Module):
    """A sequence encoder with tied item vectors. A subclass writes `encode`, and sets `item_embedding` or overrides `item_table`.

    Args:
        spec: Item count and longest sequence of the prepared data.
    """

    has_states: bool = True
    """Whether what `encode` gives are vectors to compare, and not only what `score` goes by."""
    keeps_causal: bool = True
    """Whether all states can be had under a causal mask."""
    predicts: Predicts = "next"
    """Which state is asked for the next item; with `mask`, `prepare` puts a MASK at the end."""

    history_bias: HistoryBias | None
    """What is added to scores besides, where the recipe has it; whoever scores a history adds it."""

    item_embedding: nn.Embedding

    def __init__(self, spec: SequenceSpec) -> None:
        super().__init__()
        self.spec = spec
        self.history_bias = None  # here: on the class it would hide the module that a run puts in its place

    def encode(self, items: Tensor, lengths: Tensor, *, mask: MaskMode = "causal", want: Want = "last") -> Tensor:
        """Encode left-padded ids, int64 [N, L'], as float [N, d] (`last`) or [N, L', d] (`all`, zeros at padding)."""
        raise NotImplementedError(f"{type(self).__name__} must define encode()")

    def item_table(self) -> Tensor:
        """Item vectors, float [V + 1, d]; row 0 is zero. Further rows of the embedding (a MASK token) are no classes."""
        weight: Tensor = self.item_embedding.weight
        # not even a slice of all of it, which would make a sparse gradient dense
        return weight if len(weight) == self.spec.num_items + 1 else weight[: self.spec.num_items + 1]

    def table(self, name: str) -> Tensor:
        """Vectors of other things than items; most backbones have none.

        Raises:
            ValueError: This one has none of that name.
        """
        raise ValueError(f"{type(self).__name__} has vectors of items only, and none of {name}")

    def prepare(self, items: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The input that predicts what follows: the history itself."""
        return items, lengths

    def score(self, states: Tensor, users: Tensor | None = None, candidates: Tensor | None = None) -> Tensor:
        """Dot products of states [N, d] with all V items, or with candidate ids [C] or [N, C]: float [N, V] or [N, C]."""
        table = self.item_table()
        if candidates is not None and candidates.ndim == 2:
            return (nn.functional.embedding(candidates, table) @ states[:, :, None]).squeeze(2)
        return states @ (table[1:] if candidates is None else table[candidates]).T


_PROMISED = ("has_states", "keeps_causal", "predicts", "history_bias", "encode", "item_table", "table", "prepare", "score")


def lacking(backbone: object) -> list[str]:
    """What a run asks of a backbone and this has not."""
    return [name for name in _PROMISED if not hasattr(backbone, name)]


def initialise(module: nn.Module, *, std: float = 0.02) -> None:
    """Draw every linear and embedding weight from N(0, std²), zero biases and padding rows; norms keep (1, 0).

    A bare `nn.Parameter` is left as it is: draw it yourself.

    Source: the initialisation shared by the BERT-style encoders of this family (std 0.02).
    """
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            nn.init.normal_(part.weight, std=std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            with torch.no_grad():
                part.weight[part.padding_idx].zero_()
