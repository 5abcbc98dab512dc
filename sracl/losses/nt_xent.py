"""The symmetric contrastive loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field

from sracl.losses.similarity import pair_up, similarities, without_equals

if TYPE_CHECKING:
    from torch import Tensor


def nt_xent(
    anchor: Tensor,
    positive: Tensor,
    labels: Tensor | None = None,
    *,
    temperature: Annotated[float, Field(gt=0)] = 1.0,
    similarity: Literal["dot", "cosine"] = "dot",
) -> Tensor:
    """Normalised-temperature cross entropy: every row of both sides is an anchor, all other rows are its candidates.

        z = [anchor; positive],   p(i) = i ± B
        l_i = -log( exp(σ(z_i, z_p(i)) / T) / Σ_{j≠i} exp(σ(z_i, z_j) / T) )

    Each row has 2B - 2 negatives, B - 1 of them from its own side; `info_nce` has the other side's only.

    Args:
        anchor: float [B, d].
        positive: float [B, d]; row i pairs with anchor i. Swapping the two changes nothing.
        labels: int64 [B], of both sides; rows of equal labels are no negatives of one another (z_j is left out of the sum
            for y_j = y_i, j ≠ p(i)). None: all rows differ.
        temperature: T > 0, dimensionless. The dot product of two layer-normalised states is about d times their
            cosine, so T belongs to the similarity it was tuned with.
        similarity: σ. `dot` takes the rows as given, `cosine` scales them to length 1.

    Returns:
        Mean of l_i over the 2B rows, scalar, in nats: log(2B - 1) when all rows are equal, 0 when B = 1 or all labels are
            equal.

    Raises:
        ValueError: The shapes differ, or there is not one label a row.

    Source: Chen et al. 2020, arXiv:2002.05709, equation 1. SRA-CL writes a one-way loss across sequences and the sum
        of both directions within one; its code takes this mean for both, and the published weights refer to it.
    """
    anchor, positive = pair_up(anchor, positive, labels)
    stacked = torch.cat([anchor, positive])  # [2B, d]
    logits = similarities(stacked, stacked, temperature=temperature, similarity=similarity)  # [2B, 2B]
    rows = torch.arange(len(stacked), device=stacked.device)
    logits = logits.masked_fill(rows == rows[:, None], float("-inf"))
    partners = rows.roll(len(anchor))
    if labels is not None:
        logits = without_equals(logits, labels.repeat(2), partners)
    return F.cross_entropy(logits, partners)
