"""What every objective must satisfy: subclass the suite, and give the `objective` and a `batch`.

`drive` does what the engine does for one objective, with an encoder small enough to follow by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from sracl.contracts.promises import expect, expect_same, expect_shape, kind_of, spoken

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
    expect(len(requests) == len(asked), "a key of its own for each request", [request.key for request in asked])
    try:
        term.send(Answer({key: encoder.encode(request) for key, request in requests.items()}, encoder.table, encoder.tables))
    except StopIteration as stop:
        value = stop.value
        expect(isinstance(value, torch.Tensor), "a tensor that term() returns", kind_of(value))
        assert isinstance(value, torch.Tensor)
        return requests, value
    expect(False, "requests that term() yields once, and then the value that it returns", "a second yield")
    raise AssertionError


class ObjectiveContract:
    """Suite of an objective over items 1..`num_items`."""

    num_items = 12

    def objective(self) -> Objective:
        """The objective under test, an epoch begun."""
        raise NotImplementedError("give the objective under test")

    def batch(self) -> Batch:
        """What it is tried on."""
        raise NotImplementedError("give a batch of two samples or more")

    def encoder(self) -> MeanOfItems:
        """One that has tables besides, where the objective needs some."""
        return MeanOfItems(self.num_items)

    def test_asks_for_sequences_that_can_be_encoded(self) -> None:
        """Asks for sequences that can be encoded."""
        requests, _ = drive(self.objective(), self.batch(), self.encoder())
        for request in requests.values():
            of = f'of "{request.key}"'
            types = f"{spoken(request.items.dtype)} and {spoken(request.lengths.dtype)}"
            expect(request.items.dtype == request.lengths.dtype == torch.int64, f"items and lengths {of} of int64", types)
            rows = f"{len(request.items)} and {len(request.lengths)}"
            expect(len(request.items) == len(request.lengths) > 0, f"as many items and lengths {of}", rows)
            expect((request.lengths >= 1).all(), f"an item at least in each row {of}", f"lengths from {int(request.lengths.min())}")
            width = request.items.shape[1]
            wrong = int(((request.items > 0) != (torch.arange(width) >= width - request.lengths[:, None])).any(1).sum())
            expect(wrong == 0, f"items {of} in the last slots, as many as the length says", f"others in {wrong} rows")
            expect(int(request.items.max()) <= self.num_items, f"ids {of} up to {self.num_items}", int(request.items.max()))

    def test_term_is_one_finite_number_that_reaches_the_items(self) -> None:
        """Its term is one finite number whose gradient reaches the items."""
        encoder = self.encoder()
        _, term = drive(self.objective(), self.batch(), encoder)
        expect_shape(term, (), "one number,")
        expect(term.isfinite(), "a finite number", term.item())
        expect(term.requires_grad, "a term that can be differentiated", "a number without a gradient")
        torch.autograd.backward(term)
        grad = encoder.table.grad
        expect(grad is not None and grad.any(), "a gradient of the item table", "none")
        assert grad is not None
        expect(grad.isfinite().all(), "a finite gradient of the item table", f"{int((~grad.isfinite()).sum())} numbers that are not")

    def test_leaves_the_batch_and_the_global_generator_alone(self) -> None:
        """Leaves the batch and torch's global generator alone."""
        objective, batch, encoder = self.objective(), self.batch(), self.encoder()
        before = {name: tensor.clone() for name, tensor in vars(batch).items()}
        state = torch.random.get_rng_state()
        drive(objective, batch, encoder)
        expect(torch.equal(torch.random.get_rng_state(), state), "torch's global generator to stay as it is", "draws from it")
        for name, tensor in vars(batch).items():
            expect_same(tensor, before[name], f"{name} of the batch to stay as they were")
