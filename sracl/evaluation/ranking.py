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

_ROWS = 64
"""Users whose scores a CPU takes at once: 64 rows of 12,101 items stay in its cache, 256 take a third longer."""

_ITEMS = 2048
"""Items whose scores a CPU counts at once, so that every score is fetched once where the scores of all exceed its cache."""

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
        batch_size: Users encoded at once. The largest thing held is the scores of some of them, 64 rows [V] on a CPU;
            elsewhere batch_size rows, and as many flags.

    Returns:
        1 + #(scores above the target's) + #(equal scores of smaller ids). Ids are permuted per data set, so a constant
        scorer hits at chance.

    Raises:
        SraclError: A score is not a number.
    """
    was_training = backbone.training
    backbone.eval()
    device = histories.users.device
    size = min(_ROWS, batch_size) if device.type == "cpu" else batch_size
    above, outranking, sums = [], [], []
    for rows in torch.arange(len(histories), device=device).split(batch_size):
        block = histories.batch(rows)
        states = backbone.encode(*backbone.prepare(block.inputs, block.lengths))
        parts = (whole.split(size) for whole in (states, block.users, block.targets, seen[rows]))
        for some, users, targets, old in zip(*parts, strict=True):
            scores = backbone.score(some, users=users).float()
            ahead, total = _above(scores, targets)
            above.append(ahead)
            outranking.append(_outranking(scores, targets, old))
            sums.append(total)
    backbone.train(was_training)
    # a NaN anywhere makes its sum NaN; compared with anything it would silently count as "not above"
    if torch.stack(sums).isnan().any():
        raise SraclError("the model's scores contain NaN; its training has diverged")
    keep = 1 + torch.cat(above)
    known = (seen == histories.targets[:, None]).any(1)
    return Ranks(keep, torch.where(known, backbone.spec.num_items + 1, keep - torch.cat(outranking)))


def _above(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """How many of all items stand before the target, int64 [N], and the sum of all scores.

    Flags are floats since booleans take ten times as long to sum on a CPU; float32 counts to 16.7 million items.
    """
    own = scores.gather(1, targets[:, None] - 1)
    size = min(_ITEMS, scores.shape[1]) if scores.device.type == "cpu" else scores.shape[1]
    flags = scores.new_empty(len(scores), size)
    reaching, above, total = torch.zeros_like(targets), torch.zeros_like(targets), scores.new_zeros(())
    for part in scores.split(size, 1):
        flag = flags[:, : part.shape[1]]
        reaching += torch.ge(part, own, out=flag).sum(1).long()
        above += torch.gt(part, own, out=flag).sum(1).long()
        total += part.sum()
    level = reaching - above  # the target itself and its ties
    # On a GPU all rows are looked through for ties: to ask which have some would make the host wait.
    tied = (level > 1).nonzero()[:, 0] if scores.device.type == "cpu" else torch.arange(len(scores), device=scores.device)
    if len(tied):
        ids = torch.arange(1, scores.shape[1] + 1, device=scores.device)
        above[tied] += ((scores[tied] == own[tied]) & (ids < targets[tied, None])).sum(1)
    return above, total


def _outranking(scores: Tensor, targets: Tensor, seen: Tensor) -> Tensor:
    """How many of the seen items stand before the target."""
    own = scores.gather(1, targets[:, None] - 1)
    theirs = scores.gather(1, seen.clamp(min=1) - 1)
    before = (theirs > own) | ((theirs == own) & (seen < targets[:, None]))
    return (before & (seen > 0)).sum(1)
