"""Intents: what many sequences are after, found as the centres of their states' clusters."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits  # comes with scikit-learn

if TYPE_CHECKING:
    from torch import Tensor


class Intents:
    """Centres of clusters, as constants.

    Args:
        centres: float [K, d].
    """

    def __init__(self, centres: Tensor) -> None:
        self.centres = centres.detach()
        self.targets = F.normalize(self.centres, dim=1)
        """The centres scaled to length 1, float [K, d]: what states are drawn to."""

    def nearest(self, states: Tensor) -> Tensor:
        """The intent of each state [N, d], the centre nearest to it as both stand (neither is scaled): int64 [N]."""
        # ‖h - c‖² = ‖h‖² - 2 h · c + ‖c‖², of which the first is the same for all centres
        products = states.detach().to(self.centres.dtype) @ self.centres.T  # [N, K]
        return (self.centres.square().sum(1) / 2 - products).argmin(1)


def k_means(vectors: Tensor, num_clusters: int, *, seed: int, iterations: int, restarts: int) -> Intents:
    """Cluster rows by Lloyd's algorithm, from rows drawn at random.

    Clusters that lose all their rows begin anew with the rows farthest from their centres. 65,536 rows of 64 numbers in 256
    clusters take 0.8 s of one core.

    Args:
        vectors: float [N, d], finite, N at least 1.
        num_clusters: K; of fewer rows, each is a cluster.
        seed: Of the draws, 0 .. 2³¹ - 1. The same seed gives the same bits on one machine.
        iterations: At most so many.
        restarts: Times that all of it is done; the one with the nearest centres counts.

    Returns:
        min(K, N) intents, float32, on the device of the vectors.
    """
    algorithm = KMeans(
        min(num_clusters, len(vectors)), init="random", n_init=restarts, max_iter=iterations, tol=0, random_state=seed, algorithm="lloyd"
    )
    # One thread: with three or more, the order in which their sums meet, and with it the last bit, would be anyone's.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # says that rows are equal; a centre too many does no harm
        algorithm.fit(vectors.detach().float().cpu().numpy())
    return Intents(torch.from_numpy(algorithm.cluster_centers_).to(vectors.device))
