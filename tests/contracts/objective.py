"""What every objective must satisfy: subclass the suite and give `objective` and `batch`.

`drive` does what the engine does for one objective, with an encoder small enough to follow by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from sracl.interfaces import Batch, Bias, Objective, Request


class MeanOfItems:
    """Encodes a sequence as the mean of its item vectors; its table has gradients.

    Args:
        num_items: V.
        hidden_size: d.
        tables: Vectors of other things than items, for objectives that ask for some.
    """

    def __init__(self, num_items: int, hidden_size: int = 4, tables: Mapping[str, Tensor] | None = None) -> None:
        table = torch.randn(num_items + 1, hidden_size, generator=torch.Generator().manual_seed(7))
        table[0] = 0
        self.table = table.requires_grad_()
        self.tables = tables

    def encode(self, request: Request) -> Tensor:
        """States [N, d], or [N, L, d] of running means where all are wanted."""
        with torch.set_grad_enabled(request.grad):
            vectors = self.table[request.items] * (request.items > 0)[:, :, None]
            if request.want == "last":
                return vectors.sum(1) / request.lengths[:, None]
            seen = (request.items > 0).cumsum(1).clamp(min=1)
            return vectors.cumsum(1) / seen[:, :, None] * (request.items > 0)[:, :, None]


class Answer:
    """Encoded states by key, beside the item table and tables of other things."""

    def __init__(self, states: Mapping[str, Tensor], item_table: Tensor, tables: Mapping[str, Tensor] | None = None) -> None:
        self.states = states
        self.item_table = item_table
        self.tables = tables or {}

    def __getitem__(self, key: str) -> Tensor:
        """States of one request."""
        return self.states[key]

    def score(self, key: str, candidates: Tensor, users: Tensor | None = None) -> Tensor:
        """Dot products of the last states with some items, [C] or [N, C]."""
        states = self.states[key] if self.states[key].ndim == 2 else self.states[key][:, -1]
        vectors = self.item_table[candidates]
        return states @ vectors.T if candidates.ndim == 1 else (vectors @ states[:, :, None]).squeeze(2)

    def table(self, name: str) -> Tensor:
        """Vectors of other things than items."""
        if name not in self.tables:
            raise ValueError(name)
        return self.tables[name]

    has_bias = False

    def bias(self, items: Tensor) -> Bias:
        """Nothing is added to scores."""
        raise ValueError("there is none")


def drive(objective: Objective, batch: Batch, encoder: MeanOfItems) -> tuple[dict[str, Request], Tensor]:
    """One step of one objective: its requests by key, and its term."""
    term = objective.term(batch)
    asked: Sequence[Request] = next(term)
    requests = {request.key: request for request in asked}
    assert len(requests) == len(asked), "a key is asked for twice"
    try:
        term.send(Answer({key: encoder.encode(request) for key, request in requests.items()}, encoder.table, encoder.tables))
    except StopIteration as stop:
        value = stop.value
        assert isinstance(value, torch.Tensor)
        return requests, value
    raise AssertionError("a term yields its requests once")


class ObjectiveContract:
    """Suite of an objective over items 1..`num_items`."""

    num_items = 12

    @pytest.fixture
    def objective(self) -> Objective:
        raise NotImplementedError("give the objective under test")

    @pytest.fixture
    def batch(self) -> Batch:
        raise NotImplementedError("give a batch of two samples or more")

    @pytest.fixture
    def encoder(self) -> MeanOfItems:
        """One that has tables besides, where the objective needs some."""
        return MeanOfItems(self.num_items)

    def test_asks_for_sequences_that_can_be_encoded(self, objective: Objective, batch: Batch, encoder: MeanOfItems) -> None:
        requests, _ = drive(objective, batch, encoder)
        for request in requests.values():
            assert request.items.dtype == request.lengths.dtype == torch.int64
            assert len(request.items) == len(request.lengths) > 0
            assert bool((request.lengths >= 1).all())
            width = request.items.shape[1]
            assert torch.equal(request.items > 0, torch.arange(width) >= width - request.lengths[:, None])
            assert int(request.items.max()) <= self.num_items

    def test_term_is_one_finite_number_that_reaches_the_items(self, objective: Objective, batch: Batch, encoder: MeanOfItems) -> None:
        _, term = drive(objective, batch, encoder)
        assert term.shape == ()
        assert term.isfinite()
        torch.autograd.backward(term)
        assert encoder.table.grad is not None
        assert bool(encoder.table.grad.isfinite().all())
        assert bool(encoder.table.grad.any())

    def test_leaves_the_batch_and_the_global_generator_alone(self, objective: Objective, batch: Batch, encoder: MeanOfItems) -> None:
        before = {name: tensor.clone() for name, tensor in vars(batch).items()}
        state = torch.random.get_rng_state()
        drive(objective, batch, encoder)
        assert torch.equal(torch.random.get_rng_state(), state)
        for name, tensor in vars(batch).items():
            assert torch.equal(tensor, before[name]), name
