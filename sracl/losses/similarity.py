"""What contrastive losses share: checked pairs, the table of logits, and which of its columns are no negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from torch import Tensor


def pair_up(anchor: Tensor, positive: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Check that rows belong together one by one, and raise half precision to float32.

    Raises:
        ValueError: The two are not of one shape [B, d], or there is not one label a row.
    """
    if anchor.ndim != 2 or anchor.shape != positive.shape:
        raise ValueError(f"anchor and positive must both be [B, d], got {list(anchor.shape)} and {list(positive.shape)}")
    if labels is not None and labels.shape != anchor.shape[:1]:
        raise ValueError(f"labels must be [B] with anchors [B, d], got {list(labels.shape)} and {list(anchor.shape)}")
    dtype = torch.promote_types(torch.promote_types(anchor.dtype, positive.dtype), torch.float32)
    return anchor.to(dtype), positive.to(dtype)


def similarities(rows: Tensor, columns: Tensor, *, temperature: float, similarity: Literal["dot", "cosine"]) -> Tensor:
    """Similarity of every row [N, d] with every column [M, d], divided by the temperature: [N, M], dimensionless.

    A zero vector has cosine 0 with everything.
    """
    if similarity == "cosine":
        rows, columns = F.normalize(rows, dim=1), F.normalize(columns, dim=1)
    return rows @ columns.T / temperature


def without_equals(logits: Tensor, labels: Tensor, partners: Tensor) -> Tensor:
    """Logits [N, N] in which a row's columns of its own label count for nothing, its partner's excepted.

    Args:
        logits: float [N, N].
        labels: Of rows and columns alike, int64 [N].
        partners: Column of each row's partner, int64 [N].
    """
    columns = torch.arange(len(partners), device=partners.device)
    equal = (labels == labels[:, None]) & (columns != partners[:, None])
    return logits.masked_fill(equal, float("-inf"))
