"""The loss of predicting the next item among a sample of items, for catalogues too large to score whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import torch
import torch.nn.functional as F
from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Bias


class SampledSoftmax:
    """Cross entropy of the target against uniformly drawn items, each counted for all those it stands for (logQ correction).

        l_n = log( exp(o_nt) + Σ_{k≤K, s_k≠t} exp(o_nsₖ - log(K/V)) ) - o_nt,   o_nj = h_n · E_j,   t = t_n

    An item is expected K/V times in a sample, so the sum within the logarithm has the expectation of the full softmax's;
    the loss is below `cross_entropy` by a bias that falls as 1/K, and equal to it for K = V. The sample is shared by all
    rows of a batch and drawn anew at each call; a row that meets its own target in it leaves it out. Work and the rows of
    the table touched grow with K, not with V. What a history adds to scores is part of o.

    Args:
        generator: Source of the draws, on the device of the states.
        num_negatives: K, items drawn per call.
        sparse_gradients: Give the item table a sparse gradient of the rows touched; for a backbone that gives one too, and
            an optimizer that takes one (`lazy_adam`). Worth it from about 100,000 items.

    Source: Bengio and Senécal 2008, doi:10.1109/TNN.2007.912312, section III; the correction within the softmax as in
        Yi et al. 2019, doi:10.1145/3298689.3346996, section 3. Differs from the papers: one draw from each K-th part of the
        catalogue rather than independent draws, so that none repeats (but at the seams of parts); proposals are uniform.
    """

    def __init__(
        self, generator: torch.Generator, *, num_negatives: Annotated[int, Field(ge=1)] = 1024, sparse_gradients: bool = False
    ) -> None:
        self.generator = generator
        self.num_negatives = num_negatives
        self.sparse_gradients = sparse_gradients

    def __call__(self, states: Tensor, item_table: Tensor, targets: Tensor, bias: Bias | None = None) -> Tensor:
        """The loss of one sample of negatives.

        Args:
            states: h, float [N, d]; half precision is raised to float32.
            item_table: E, float [V + 1, d]; row 0 is padding and takes no part.
            targets: t, int64 [N], ids in 1..V.
            bias: What is added to o of some items of each row.

        Returns:
            Mean of l_n, scalar, in nats; about log V for a fresh model.

        Raises:
            IndexError: On a CPU, a target is 0 or above V.
            ValueError: A sparse gradient is wanted of a table that is not the backbone's own weight as it stands.
        """
        if self.sparse_gradients and not item_table.is_leaf:
            raise ValueError(
                "sampled_softmax cannot give this item table a sparse gradient: the backbone computes it, or it has a MASK beside the "
                "items. Leave sparse_gradients out."
            )
        num_items = len(item_table) - 1
        if targets.device.type == "cpu" and bool(((targets < 1) | (targets > num_items)).any()):
            raise IndexError(f"targets must be items 1..{num_items}, got {int(targets.min())}..{int(targets.max())}")
        negatives = self._draw(num_items)
        dtype = torch.promote_types(states.dtype, torch.float32)
        # one gather, so that one gradient of the table is made; not by indexing, whose gradient is not deterministic
        rows = F.embedding(torch.cat([targets, negatives]), item_table, sparse=self.sparse_gradients).to(dtype)
        positives, others = rows.split([len(targets), len(negatives)])
        states = states.to(dtype)
        own = (states * positives).sum(1, keepdim=True)  # [N, 1]
        others = states @ others.T - math.log(self.num_negatives / num_items)  # [N, K]
        if bias is not None:
            own = own + bias.of(targets[:, None])
            others = others + bias.of(negatives)
        others = others.masked_fill(negatives == targets[:, None], float("-inf"))
        loss: Tensor = (torch.cat([own, others], 1).logsumexp(1) - own[:, 0]).mean()
        return loss

    def _draw(self, num_items: int) -> Tensor:
        """An item from each of K equal parts of 1..V, uniform within it: int64 [K]."""
        device = self.generator.device
        within = torch.rand(self.num_negatives, generator=self.generator, device=device, dtype=torch.float64)
        places = (torch.arange(self.num_negatives, device=device) + within) * (num_items / self.num_negatives)
        return places.long().clamp_max(num_items - 1) + 1  # the last place may round up to V
