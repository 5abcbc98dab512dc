"""Principal components of vectors, the same on every machine, and item vectors that begin as such."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_NEGLIGIBLE = 1e-9
"""Share of the largest variance below which a direction is rounding of what was float32."""


def principal_components(vectors: Tensor, count: int) -> Tensor:
    """Coordinates of the vectors along the directions in which they vary most.

    The eigenvectors of the covariance, computed in float64 on the CPU without any random draw; the largest entry of each is made
    positive, so that no library's choice of sign shows.

    Args:
        vectors: float [N, e].
        count: Directions wanted, at least 1.

    Returns:
        float32 [N, c], c <= count: directions without variance are left out. Columns have mean 0, are uncorrelated, and their
        variance falls from left to right.
    """
    centred = vectors.detach().cpu().double()
    if len(centred) < 2:
        return torch.empty(len(centred), 0)
    centred = centred - centred.mean(0)
    variances, directions = torch.linalg.eigh(centred.T @ centred)  # rising
    variances, directions = variances.flip(0)[:count], directions.flip(1)[:, :count]
    directions = directions[:, variances > _NEGLIGIBLE * variances[0]]
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))  # [1, c]
    components: Tensor = (centred @ (directions * largest.sign())).float()
    return components


def begin_with_components(embedding: nn.Embedding, vectors: Tensor, *, std: float) -> None:
    """Put principal components in place of the drawn weights, as far as there are any, scaled together to one spread.

    Args:
        embedding: Of padding, items and what else there is, width d.
        vectors: Of padding and items, float [V + 1, e]; where one is zero nothing is known, and the drawn weight stays.
        std: Root of the mean square of what is put in.
    """
    known = vectors.any(1).cpu()
    weight = embedding.weight
    components = principal_components(vectors.cpu()[known], weight.shape[1])
    if components.shape[1]:
        components *= std / components.square().mean().sqrt()
        with torch.no_grad():
            weight[: len(known), : components.shape[1]][known.to(weight.device)] = components.to(weight)
