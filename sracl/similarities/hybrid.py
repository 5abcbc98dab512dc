"""The nearest item by who chose both or, once the model has learned, by its vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sracl.similarities.embedding import alike
from sracl.similarities.itemcf_iuf import chosen_together

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.data.samples import SequenceTable
    from sracl.interfaces import SequenceSpec, Snapshot


class Hybrid:
    """Takes the neighbour of `itemcf_iuf` until vectors have warmed up, then for each item that or the one of `embedding`.

    Of the two the one with the larger score in [0, 1] is taken, that of `itemcf_iuf` where they are equal. Vectors are compared
    before every epoch that begins after the warm-up, and never before.

    Args:
        spec: Item count of the prepared data, and whether MASK, which nothing is like, may be asked for.
        histories: x_1 … x_m of every user, of which all but the last item is read.
        warmup_steps: Updates of the model before its vectors are looked at.

    Source: CoSeRec (Liu et al. 2021, arXiv:2108.06479), hybrid correlation. Differs from its official code, which counts the
        warm-up in epochs, because an epoch has many more updates where every prefix is a sample.
    """

    def __init__(self, spec: SequenceSpec, histories: SequenceTable, *, warmup_steps: Annotated[int, Field(ge=0)] = 22_400) -> None:
        self.warmup_steps = warmup_steps
        self.offline = chosen_together(spec, histories)
        self.nearest = self.offline

    def __call__(self, items: Tensor) -> Tensor:
        """The nearest other item of each id, int64 of any shape; 0 where there is none."""
        return self.nearest.items[items]

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Look the vectors over, if they are warm."""
        self.nearest = self.offline
        if snapshot.steps >= self.warmup_steps:
            self.nearest = self.offline.or_nearer(alike(snapshot.item_table, len(self.offline.items)))
