"""The one-way contrastive loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field

from sracl.losses.similarity import pair_up, similarities, without_equals

if TYPE_CHECKING:
    from torch import Tensor


def info_nce(
    anchor: Tensor,
    positive: Tensor,
    labels: Tensor | None = None,
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    similarity: Literal["dot", "cosine"] = "dot",
) -> Tensor:
    """InfoNCE from anchors to positives, with negatives from the batch.

        l_i = -log( exp(σ(z_i, z'_i) / T) / Σ_j exp(σ(z_i, z'_j) / T) )

    Negatives come from the other side only (B - 1 per anchor), so swapping the arguments changes the loss; `nt_xent`
    is symmetric and counts the anchor's own side too (2B - 2).

    Args:
        anchor: z, float [B, d].
        positive: z', float [B, d]; row i pairs with anchor i.
        labels: int64 [B]; rows of equal labels are no negatives of one another (z'_j is left out of the sum for y_j = y_i,
            j ≠ i). None: all rows differ.
        temperature: T > 0, dimensionless. The dot product of two layer-normalised states is about d times their
            cosine, so T belongs to the similarity it was tuned with.
        similarity: σ. `dot` takes the rows as given, `cosine` scales them to length 1.

    Returns:
        Mean of l_i, scalar, in nats: log B when all rows are equal, 0 when B = 1 or all labels are equal.

    Raises:
        ValueError: The shapes differ, or there is not one label a row.

    Source: van den Oord et al. 2018, arXiv:1807.03748, equation 4; the cross-sequence loss as written in the SRA-CL
        paper (equation 10).
    """
    anchor, positive = pair_up(anchor, positive, labels)
    logits = similarities(anchor, positive, temperature=temperature, similarity=similarity)  # [B, B]
    partners = torch.arange(len(logits), device=logits.device)
    if labels is not None:
        logits = without_equals(logits, labels, partners)
    return F.cross_entropy(logits, partners)
