"""Contrast between sequences and the intents behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from sracl.interfaces import BATCH, Request
from sracl.objectives.intents import Intents, k_means
from sracl.objectives.readout import Readout, pool, read, wanted
from sracl.objectives.view_contrast import takes_labels

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.data.samples import SequenceTable
    from sracl.interfaces import Batch, ContrastiveLoss, Snapshot, Term, ViewPair

_ENCODED_AT_ONCE = 4096
"""Sequences whose states are held at all positions before they are pooled, to spare memory."""


class IntentContrast(nn.Module):
    """Pulls both views of each sequence to the intent behind it, away from the other sequences and their intents.

        c_1 … c_K = K-means of r(f(x)) over training sequences, at the beginning of every epoch
        i(h) = argmin_k ‖h - c_k‖
        L = ½ [ l(h₁, c_i / ‖c_i‖) + l(h₂, c_i' / ‖c_i'‖) ],   h₁ = r(f(v₁(x))),   h₂ = r(f(v₂(x)))

    with i = i' = i(r(f(x))), the intent of the `sequence`, or each `view`'s own, i = i(h₁) and i' = i(h₂). Centres are
    constants: they move from epoch to epoch, and no gradient reaches them. They come from training inputs alone, and so do
    the rows that are no negatives of one another.

    Args:
        samples: Every training sample.
        generator: Source of the draws of K-means, on the device of the batch.
        views: Makes the pair, or the name of one declared under [[view]].
        num_intents: K; as many as there are sequences where they are fewer.
        readout: r, what is clustered and contrasted: the `last` state, the `mean` over all items, or all states flattened.
        intent_of: Where intents are read from: the `sequence`, in the pass that predicts the next item, one for both views; or
            each `view`.
        cluster_over: What is clustered: all `samples`, or of `users` the latest sample each, which is their longest.
        false_negatives: Rows of the batch that are no negatives of one another: `none`, or those of the `same_intent`, which
            takes a loss with `labels`.
        warmup_epochs: Epochs at the beginning whose term is 0, since K-means would cluster what has learned nothing.
        iterations: Of K-means, at most.
        restarts: Of K-means; the one with the nearest centres counts.
        sequences_per_intent: At most K times as many sequences are clustered, drawn anew each epoch.
        loss: Contrast of a view (anchor) with its intents (positive).

    Raises:
        ValueError: False negatives are to be left out by a loss that takes no labels.

    Source: ICLRec (Chen et al. 2022, arXiv:2202.02519), intent of the sequence; ICSRec (Qin et al. 2024, arXiv:2310.14318),
        its fine-grained contrast, intent of each view. K-means, assignment and targets are those of the official codes.
        Differs from them: K-means starts once over 256 sequences an intent, where they start five times over 4096, because
        ten times the time brings the mean distance of Beauty's states to their centres down by 1 %; the term is a mean over
        both views, where ICSRec's code has the sum, because a term here is; and `mean` leaves padding out, which ICLRec's
        code counts, because padding makes the length of a sequence a strong part of its intent.
    """

    compares_states = True

    def __init__(
        self,
        samples: SequenceTable,
        generator: torch.Generator,
        *,
        views: ViewPair,
        num_intents: Annotated[int, Field(ge=1)] = 256,
        readout: Readout = "last",
        intent_of: Literal["sequence", "view"] = "view",
        cluster_over: Literal["samples", "users"] = "samples",
        false_negatives: Literal["none", "same_intent"] = "none",
        warmup_epochs: Annotated[int, Field(ge=0)] = 0,
        iterations: Annotated[int, Field(ge=1)] = 20,
        restarts: Annotated[int, Field(ge=1)] = 1,
        sequences_per_intent: Annotated[int, Field(ge=1)] = 256,
        loss: ContrastiveLoss,
    ) -> None:
        super().__init__()
        if false_negatives == "same_intent" and not takes_labels(loss):
            raise ValueError('false_negatives = "same_intent" needs a loss that takes labels, as nt_xent and info_nce do')
        self.samples = samples
        self.generator = generator
        self.views = views
        self.num_intents = num_intents
        self.readout = readout
        self.intent_of = intent_of
        self.false_negatives = false_negatives
        self.warmup_epochs = warmup_epochs
        self.iterations = iterations
        self.restarts = restarts
        self.sequences_per_intent = sequences_per_intent
        self.loss = loss
        self.intents: Intents | None = None
        """Of the current epoch; None while there are none yet."""
        device = samples.stops.device
        self._clustered = _latest_of_users(samples) if cluster_over == "users" else torch.arange(len(samples), device=device)

    def begin_epoch(self, snapshot: Snapshot) -> None:
        """Cluster the training sequences as the model now reads them."""
        if snapshot.epoch <= self.warmup_epochs:
            return
        device = self.generator.device
        rows, most = self._clustered, self.sequences_per_intent * self.num_intents
        if len(rows) > most:
            drawn = torch.randperm(len(rows), generator=self.generator, device=device)[:most]
            rows = rows[drawn.sort().values]
        seed = int(torch.randint(2**31, (), generator=self.generator, device=device))
        vectors = torch.cat([self._read(part, snapshot) for part in rows.split(_ENCODED_AT_ONCE)])
        self.intents = k_means(vectors, self.num_intents, seed=seed, iterations=self.iterations, restarts=self.restarts)

    def term(self, batch: Batch) -> Term:
        """Ask for both views, and where intents are the sequence's for the batch; the mean of both views' contrasts."""
        if self.intents is None:
            yield []
            return torch.zeros((), device=batch.inputs.device)
        pair = [wanted(request, self.readout) for request in self.views(batch)]
        read_from = [wanted(Request(BATCH, batch.inputs, batch.lengths), self.readout)] if self.intent_of == "sequence" else pair
        encoded = yield list({request.key: request for request in (*read_from, *pair)}.values())
        states = [read(encoded, request, self.readout) for request in pair]
        ids = [self.intents.nearest(read(encoded, request, self.readout)) for request in read_from]
        first, second = (self._contrast(view, which) for view, which in zip(states, (ids[0], ids[-1]), strict=True))
        return (first + second) / 2

    def _contrast(self, states: Tensor, ids: Tensor) -> Tensor:
        """The loss between states [B, d] and their intents, by number [B]."""
        assert self.intents is not None, "a term without intents ends before"
        targets = self.intents.targets[ids]
        return self.loss(states, targets, ids) if self.false_negatives == "same_intent" else self.loss(states, targets)

    def _read(self, rows: Tensor, snapshot: Snapshot) -> Tensor:
        """What is clustered of some samples [S]: float [S, d]."""
        states = snapshot.encode(rows, "last" if self.readout == "last" else "all")
        return pool(states, self.samples.stops[rows] - self.samples.starts[rows], self.readout)


def _latest_of_users(samples: SequenceTable) -> Tensor:
    """Of every user with samples, the one that ends last: sample ids, int64 [U], rising with the user."""
    by_end = torch.argsort(samples.stops, stable=True)
    order = by_end[torch.argsort(samples.users[by_end], stable=True)]
    users = samples.users[order]
    last = torch.ones_like(users, dtype=torch.bool)
    last[:-1] = users[1:] != users[:-1]
    return order[last]
