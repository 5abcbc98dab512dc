"""Where each user's target stands among all items: counted, never sorted, and in blocks, so users × items is never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sracl.evaluation.numbers import demand_numbers
from sracl.evaluation.product_ranking import by_products, serves
from sracl.evaluation.top_items import top_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from sracl.backbones.base import Backbone
    from sracl.data.samples import SequenceTable
    from sracl.evaluation.catalogue import Shown

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
def rank(
    backbone: Backbone, histories: SequenceTable, seen: Tensor, *, batch_size: int = 256, shown: Mapping[str, Shown] | None = None
) -> Ranks:
    """Rank every history's target among all items 1..V.

    Args:
        backbone: Set to eval mode for the time being.
        histories: One row per user: input and target.
        seen: Distinct items of each whole history, int64 [U, S], 0 where there are fewer.
        batch_size: Users encoded at once. The largest thing held is the scores of some of them: 64 rows [V] on a CPU, or less
            where they can be counted in parts (`product_ranking`); elsewhere batch_size rows, and as many flags.
        shown: What is to count the lists besides, with seen items kept and without, by these words: `keep`, `exclude`. Lists
            need all scores of a row.

    Returns:
        1 + #(scores above the target's) + #(equal scores of smaller ids). Ids are permuted per data set, so a constant
        scorer hits at chance.

    Raises:
        SraclError: A score is not a number.
    """
    if shown is None and serves(backbone, histories.users.device):
        ahead, outranking = by_products(backbone, histories, seen, batch_size=batch_size)
        return _ranks(ahead, outranking, histories.targets, seen, backbone.spec.num_items)
    keep, exclude, sums = [], [], []
    for rows, scores in scored(backbone, histories, batch_size=batch_size):
        ranks, total = ranked(scores, histories.targets[rows], seen[rows])
        keep.append(ranks.keep)
        exclude.append(ranks.exclude)
        sums.append(total)
        for seen_items, counted in (shown or {}).items():
            counted.add(top_items(scores, counted.longest, seen[rows] if seen_items == "exclude" else None))
    demand_numbers(torch.stack(sums))
    return Ranks(torch.cat(keep), torch.cat(exclude))


@torch.no_grad()
def scored(
    backbone: Backbone, histories: SequenceTable, *, batch_size: int = 256, wanted: NDArray[np.bool_] | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Scores of all items, block by block.

    Args:
        backbone: Set to eval mode for the time being.
        histories: One row per user.
        batch_size: Users encoded at once.
        wanted: Rows that are asked for, bool [U]. Blocks with none of them are left out, and the others are whole all the same,
            since the last bits of a score may depend on what it is computed together with.

    Yields:
        Rows, int64 [N], and their scores, float32 [N, V], not to be written to.
    """
    was_training = backbone.training
    backbone.eval()
    device, count = histories.users.device, len(histories)
    size = min(_ROWS, batch_size) if device.type == "cpu" else batch_size
    try:
        for begin in range(0, count, batch_size):
            end = min(begin + batch_size, count)
            if wanted is not None and not wanted[begin:end].any():
                continue
            rows = torch.arange(begin, end, device=device)
            block = histories.batch(rows)
            states = backbone.encode(*backbone.prepare(block.inputs, block.lengths))
            states = states.to(torch.promote_types(states.dtype, torch.float32))  # as in training
            for place in range(0, end - begin, size):
                some = slice(place, place + size)
                if wanted is None or wanted[begin:end][some].any():
                    yield rows[some], score(backbone, states[some], block.inputs[some], users=block.users[some])
    finally:
        backbone.train(was_training)


def score(backbone: Backbone, states: Tensor, items: Tensor, *, users: Tensor | None = None) -> Tensor:
    """Scores of all items after histories, by their states and by what the histories say by themselves.

    Args:
        backbone: Whose states they are.
        states: As `encode` gives them, float [N, d].
        items: The histories, int64 [N, L].
        users: int64 [N]; None: of users about whom nothing is known.

    Returns:
        float32 [N, V].
    """
    scores = backbone.score(states, users=users).float()
    return scores if backbone.history_bias is None else backbone.history_bias(items).added_to(scores)


def ranked(scores: Tensor, targets: Tensor, seen: Tensor) -> tuple[Ranks, Tensor]:
    """Ranks of a block's targets, and the sum of all its scores for `demand_numbers`.

    Args:
        scores: float32 [N, V].
        targets: Ids, int64 [N].
        seen: Distinct items of each whole history, int64 [N, S], 0 where there are fewer.
    """
    ahead, total = _above(scores, targets)
    return _ranks(ahead, _outranking(scores, targets, seen), targets, seen, scores.shape[1]), total


def _ranks(ahead: Tensor, outranking: Tensor, targets: Tensor, seen: Tensor, num_items: int) -> Ranks:
    """By how many of all items, and how many of the seen ones, stand before each target."""
    known = (seen == targets[:, None]).any(1)
    return Ranks(1 + ahead, torch.where(known, num_items + 1, 1 + ahead - outranking))


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
