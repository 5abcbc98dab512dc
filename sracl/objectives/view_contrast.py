"""Contrast between two views of one sequence."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Literal

from torch import nn

from sracl.objectives.readout import Readout, read, wanted

if TYPE_CHECKING:
    from sracl.interfaces import Batch, ContrastiveLoss, Reads, Term, ViewPair


class ViewContrast(nn.Module):
    """Pulls the two views of each sequence together, away from the views of the other sequences.

        L = l( r(f(v₁(x))), r(f(v₂(x))) )

    Where the views come from makes the method: `distinct` operators, `independent` draws of one, the `same_target`.

    Args:
        views: Makes the pair, or the name of one declared under [[view]].
        readout: r, what is compared: the `last` state, the `mean` over all items, or all states flattened.
        false_negatives: Rows of the batch that are no negatives of one another: `none`, or those of the `same_target`, which
            takes a loss with `labels`.
        loss: Contrast of the first view (anchor) with the second (positive).

    Raises:
        ValueError: False negatives are to be left out by a loss that takes no labels.

    Source: CL4SRec (Xie et al. 2022, arXiv:2010.14395), DuoRec (Qiu et al. 2022, arXiv:2110.05730); without false negatives:
        ICSRec (Qin et al., WSDM 2024), its coarse-grained contrast.
    """

    compares_states = True

    def __init__(
        self, *, views: ViewPair, readout: Readout = "last", false_negatives: Literal["none", "same_target"] = "none", loss: ContrastiveLoss
    ) -> None:
        super().__init__()
        if false_negatives == "same_target" and not takes_labels(loss):
            raise ValueError('false_negatives = "same_target" needs a loss that takes labels, as nt_xent and info_nce do')
        self.views = views
        self.readout = readout
        self.false_negatives = false_negatives
        self.reads_targets: Reads | None = "each" if false_negatives == "same_target" else None
        self.loss = loss

    def term(self, batch: Batch) -> Term:
        """Ask for both views; the loss between what is read of them."""
        pair = [wanted(request, self.readout) for request in self.views(batch)]
        encoded = yield pair
        first, second = (read(encoded, request, self.readout) for request in pair)
        if self.false_negatives == "none":
            return self.loss(first, second)
        return self.loss(first, second, batch.targets if batch.targets.ndim == 1 else batch.targets[:, -1])


def takes_labels(loss: ContrastiveLoss) -> bool:
    """Whether a loss has the argument by which rows are kept from being negatives."""
    return "labels" in inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters
