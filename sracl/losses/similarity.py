"""The table of logits that contrastive losses share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor


def pair_up(anchor: Tensor, positive: Tensor) -> tuple[Tensor, Tensor]:
    """Check that rows belong together one by one, and raise half precision to float32.

    Raises:
        ValueError: The two are not of one shape [B, d].
    """
    if anchor.ndim != 2 or anchor.shape != positive.shape:
        raise ValueError(f"anchor and positive must both be [B, d], got {list(anchor.shape)} and {list(positive.shape)}")
    dtype = torch.promote_types(torch.promote_types(anchor.dtype, positive.dtype), torch.float32)
    return anchor.to(dtype), positive.to(dtype)


def similarities(rows: Tensor, columns: Tensor, *, temperature: float, similarity: Literal["dot", "cosine"]) -> Tensor:
    """Similarity of every row [N, d] with every column [M, d], divided by the temperature: [N, M], dimensionless.

    A zero vector has cosine 0 with everything.
    """
    if similarity == "cosine":
        rows, columns = F.normalize(rows, dim=1), F.normalize(columns, dim=1)
    return rows @ columns.T / temperature
