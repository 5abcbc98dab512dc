"""Item vectors that begin as what texts say of the items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from torch import nn

from sracl.backbones.principal_components import begin_with_components

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Backbone


class TextComponents:
    """Puts principal components of the items' text vectors in place of drawn item vectors, and leaves them to training.

        E_i = s · (U^T (q_i − q̄)),  U the d directions in which q varies most, s such that E has the standard deviation `std`

    An item without a text keeps what was drawn for it. So do positions, layers and MASK. With fewer directions than d, the
    coordinates beyond them stay as drawn.

    Args:
        item_vectors: q, float32 [V + 1, e]; zero for padding and where nothing is known.
        std: Of the item vectors; by default that of drawn ones.

    Source: the start of the collaborative view of Liu et al. 2024, LLM-ESR, arXiv:2405.20646, section "Dual-view modeling",
        here for any backbone with an item embedding.
    """

    def __init__(self, item_vectors: Tensor, *, std: Annotated[float, Field(gt=0)] = 0.02) -> None:
        self.item_vectors = item_vectors
        self.std = std

    def __call__(self, backbone: Backbone) -> None:
        """Overwrite the backbone's `item_embedding`.

        Raises:
            ValueError: It has none.
        """
        embedding = getattr(backbone, "item_embedding", None)
        if not isinstance(embedding, nn.Embedding):
            raise ValueError("it has no item_embedding")
        begin_with_components(embedding, self.item_vectors, std=self.std)
