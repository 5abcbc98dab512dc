"""Two views of each sequence, made by one augmenter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sracl.interfaces import Request

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, Batch


class Independent:
    """Lets one augmenter draw twice; where it draws operators too (`choice`), both views may come from the same one.

    Args:
        augmenter: Makes a view; called twice a step.

    Source: the independent draws of CoSeRec (Liu et al. 2021, arXiv:2108.06479) and ICLRec (Chen et al. 2022,
        arXiv:2202.02519).
    """

    def __init__(self, *, augmenter: Augmenter) -> None:
        self.augmenter = augmenter

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        """Draw `first` and `second`, a view of every row each."""
        first, second = (self.augmenter(batch.inputs, batch.lengths) for _ in range(2))
        return Request("first", *first), Request("second", *second)
