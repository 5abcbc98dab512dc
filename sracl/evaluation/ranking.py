"""Where each user's target stands among all items: counted, never sorted, and in blocks, so users × items is never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sracl.errors import SraclError

if TYPE_CHECKING:
    from sracl.backbones.base import Backbone
    from sracl.data.samples import SequenceTable

TIE_RULE = "equal scores stand in the order of permuted ids"


@dataclass(frozen=True)
class Ranks:
    """Rank of every user's target, int64 [U], from 1; V + 1 where the protocol cannot recommend it."""

    keep: Tensor
    """Items of the history compete like any other."""
    exclude: Tensor
    """Items of the history are out; a target that the user has had before is then beyond reach."""


@torch.no_grad()
def rank(backbone: Backbone, histories: SequenceTable, seen: Tensor, *, batch_size: int = 256) -> Ranks:
    """Rank every history's target among all items 1..V.

    Args:
        backbone: Set to eval mode for the time being.
        histories: One row per user: input and target.
        seen: Distinct items of each whole history, int64 [U, S], 0 where there are fewer.
        batch_size: Users a block; the block's scores are the largest thing held, [batch_size, V].

    Returns:
        1 + #(scores above the target's) + #(equal scores of smaller ids). Ids are permuted per data set, so a constant
        scorer hits at chance.

    Raises:
        SraclError: A score is not a number.
    """
    was_training = backbone.training
    backbone.eval()
    keep, exclude = [], []
    for start in range(0, len(histories), batch_size):
        rows = torch.arange(start, min(start + batch_size, len(histories)), device=histories.users.device)
        block = histories.batch(rows)
        items, lengths = backbone.prepare(block.inputs, block.lengths)
        longest = int(lengths.max())
        scores = backbone.score(backbone.encode(items[:, -longest:], lengths), users=block.users).float()
        above = _above(scores, block.targets)
        old = seen[rows]
        outranking = _outranking(scores, block.targets, old)
        known = ((old == block.targets[:, None]) & (old > 0)).any(1)
        keep.append(1 + above)
        exclude.append(torch.where(known, scores.shape[1] + 1, 1 + above - outranking))
    backbone.train(was_training)
    return Ranks(torch.cat(keep), torch.cat(exclude))


def _above(scores: Tensor, targets: Tensor) -> Tensor:
    """How many of all items stand before the target."""
    own = scores.gather(1, targets[:, None] - 1)
    # a NaN anywhere makes the sum NaN; compared with anything it would silently count as "not above"
    if torch.isnan(scores.sum()):
        raise SraclError("the model's scores contain NaN; its training has diverged")
    above = (scores > own).sum(1)
    ties = scores == own
    if int(ties.sum()) > len(targets):
        ids = torch.arange(1, scores.shape[1] + 1, device=scores.device)
        above = above + (ties & (ids < targets[:, None])).sum(1)
    return above


def _outranking(scores: Tensor, targets: Tensor, seen: Tensor) -> Tensor:
    """How many of the seen items stand before the target."""
    own = scores.gather(1, targets[:, None] - 1)
    theirs = scores.gather(1, seen.clamp(min=1) - 1)
    before = (theirs > own) | ((theirs == own) & (seen < targets[:, None]))
    return (before & (seen > 0)).sum(1)
