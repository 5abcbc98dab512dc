"""Ranks by scores that are dot products with the item table: some users by some items at a time.

A product of many users with few items is the fastest that a CPU has, and its scores are counted while they are in the cache.
`ranking` says when this is the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sracl.backbones.base import Backbone
from sracl.evaluation.numbers import demand_numbers

if TYPE_CHECKING:
    from sracl.data.samples import SequenceTable
    from sracl.interfaces import Bias

_SPAN = 65_536
"""Users whose states are held at once."""

_USERS, _ITEMS = 2048, 512
"""Whose scores are held at once, 4 MiB. Half as many users, or twice as many items, take a tenth longer."""

_OWN = 128
"""Users whose targets are scored at once; all of them by all of their targets, so that the fewer the less is in vain."""


def serves(backbone: Backbone, device: torch.device) -> bool:
    """Whether the scores are those of `sracl.backbones.base.Backbone`, and on a CPU."""
    return type(backbone).score is Backbone.score and device.type == "cpu"


@torch.no_grad()
def by_products(backbone: Backbone, histories: SequenceTable, seen: Tensor, *, batch_size: int) -> tuple[Tensor, Tensor]:
    """How many of all items, and how many of the seen ones, stand before each target: int64 [U] twice.

    Args:
        backbone: One that is served; set to eval mode for the time being.
        histories: One row per user: input and target.
        seen: Distinct items of each whole history, int64 [U, S], 0 where there are fewer.
        batch_size: Users encoded at once, of the longest histories; of shorter ones as many as have no more items together.

    Raises:
        SraclError: A score is not a number.
    """
    was_training = backbone.training
    backbone.eval()
    table, counts = backbone.item_table().float(), []
    try:
        for span in torch.arange(len(histories)).split(_SPAN):
            for rows, states in zip(span.split(_USERS), _states(backbone, histories, span, batch_size).split(_USERS), strict=True):
                bias = None if backbone.history_bias is None else backbone.history_bias(histories.gather(rows)[0])
                counts.append(_counted(states, table, histories.targets[rows], seen[rows], bias))
    finally:
        backbone.train(was_training)
    ahead, outranking = (torch.cat(some) for some in zip(*counts, strict=True))
    return ahead, outranking


def _states(backbone: Backbone, histories: SequenceTable, span: Tensor, batch_size: int) -> Tensor:
    """Encode a span of users, those of like length together: float32 [N, d]."""
    lengths = histories.stops[span] - histories.starts[span]
    order = lengths.argsort(stable=True)
    pieces = (lengths[order].cumsum(0) - 1) // (batch_size * histories.max_length)
    states: Tensor | None = None
    for some in order.split([count for count in pieces.bincount().tolist() if count]):
        block = histories.batch(span[some])
        encoded = backbone.encode(*backbone.prepare(block.inputs, block.lengths)).float()
        states = encoded.new_empty(len(span), encoded.shape[1]) if states is None else states
        states[some] = encoded
    assert states is not None  # no span is empty
    return states


def _counted(states: Tensor, table: Tensor, targets: Tensor, seen: Tensor, bias: Bias | None) -> tuple[Tensor, Tensor]:
    """How many of all items, and how many of the seen ones, stand before each target: int64 [N] twice.

    Of equal scores the smaller id stands first. So an item before the target in order of ids outranks it by reaching its score
    and one after it by exceeding it, which is to reach the next greater number: one comparison tells both.
    """
    own = torch.cat([(some @ table[ids].T).diagonal() for some, ids in zip(states.split(_OWN), targets.split(_OWN), strict=True)])
    if bias is not None:
        own = own + bias.of(targets[:, None]).squeeze(1).float()
    infinity = torch.tensor(torch.inf)
    next_greater = own.nextafter(infinity).masked_fill(own == infinity, torch.nan)  # which nothing reaches
    count, last = len(states), len(table) - 1
    theirs, known = _Marked(targets[:, None], last), _Marked(seen, last)
    biased = None if bias is None else _Marked(bias.items, last, bias.values.float())
    doubtful = not _finite(states, table, bias)
    ahead, outranking = torch.zeros_like(targets), torch.zeros_like(targets)
    scores = states.new_empty(count * min(_ITEMS, last))
    for ids in torch.arange(1, last + 1).split(_ITEMS):
        first, beyond = int(ids[0]), int(ids[-1]) + 1
        flat = scores[: count * len(ids)]
        part = torch.mm(states, table[first:beyond].T, out=flat.view(count, -1))
        if biased is not None:
            marked = biased.among(first, beyond)
            flat.index_add_(0, marked.places, marked.values)
        if doubtful:
            demand_numbers(part.sum())
        marked = theirs.among(first, beyond)
        to_beat = own[marked.rows]
        flat.index_copy_(0, marked.places, to_beat)  # a product of other users may have given other last bits
        level = (part.index_select(0, marked.rows) == to_beat[:, None]) & (ids < marked.ids[:, None])
        ahead.index_add_(0, marked.rows, level.sum(1))
        marked = known.among(first, beyond)
        score, to_beat = flat.index_select(0, marked.places), own[marked.rows]
        before = (score > to_beat) | ((score == to_beat) & (marked.ids < targets[marked.rows]))
        outranking.index_add_(0, marked.rows, before.long())
        # in place, and summed as float32: booleans take ten times as long
        ahead += part.ge_(torch.where(targets >= beyond, own, next_greater)[:, None]).sum(1).long()
    return ahead, outranking


class _Marks(NamedTuple):
    """Some items of some rows in a part of the catalogue, one after the other."""

    rows: Tensor
    ids: Tensor
    places: Tensor
    """Where their scores stand among those of all rows with the part, end to end."""
    values: Tensor
    """float32, or none at all."""


class _Marked:
    """Some items of each row, at hand for every part of the catalogue.

    Args:
        items: Ids, int64 [N, S], none twice in a row; 0 where a row has fewer.
        last: V.
        values: What belongs to them, float32 [N, S].
    """

    def __init__(self, items: Tensor, last: int, values: Tensor | None = None) -> None:
        rows, columns = items.nonzero(as_tuple=True)
        self._ids, order = items[rows, columns].sort(stable=True)
        self._rows = rows[order]
        self._values = torch.empty(0) if values is None else values[rows, columns][order]
        self._bounds = torch.searchsorted(self._ids, torch.arange(1, last + 1 + _ITEMS, _ITEMS)).tolist()

    def among(self, first: int, beyond: int) -> _Marks:
        """Those among the items first..beyond - 1, which are a part of the catalogue."""
        part = first // _ITEMS
        here = slice(self._bounds[part], self._bounds[part + 1])
        rows, ids = self._rows[here], self._ids[here]
        return _Marks(rows, ids, rows * (beyond - first) + ids - first, self._values[here])


def _finite(states: Tensor, table: Tensor, bias: Bias | None) -> bool:
    """Whether no score can be anything but a finite number."""
    added = 0.0 if bias is None or not bias.values.numel() else bias.values.abs().max().item()
    greatest: float = states.abs().max().item() * table.abs().max().item() * states.shape[1] + added
    return greatest < torch.finfo(torch.float32).max
