from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.contracts.synthesizer import neighbours_of, tiny_neighbours
from sracl.interfaces import BATCH, Batch, Objective, Request, Synthesizer
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.cross_sequence import CrossSequence
from sracl.synthesizers.attention import Attention
from sracl.synthesizers.mean import Mean
from sracl.synthesizers.top1 import Top1

SAMPLES = torch.tensor([4, 1, 0])


class Fixed:
    """Gives the weights it was made with."""

    def __init__(self, weights: list[list[float]]) -> None:
        self.weights = torch.tensor(weights, requires_grad=True)

    def __call__(self, anchors: Tensor, neighbours: Tensor) -> Tensor:
        return self.weights


def attention(dropout: float = 0.5) -> Attention:
    return Attention(tiny_neighbours(), torch.Generator().manual_seed(0), dropout=dropout)


@pytest.mark.parametrize("share_anchor", [False, True])
class TestCrossSequence(ObjectiveContract):
    @pytest.fixture(autouse=True)
    def parameters(self, share_anchor: bool) -> None:
        self.share_anchor = share_anchor

    def objective(self) -> Objective:
        return CrossSequence(tiny_neighbours(), synthesizer=attention(), loss=nt_xent, share_anchor=self.share_anchor)

    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(SAMPLES)


def test_asks_for_its_own_anchors_and_for_kept_neighbours_only() -> None:
    given = tiny_neighbours()
    batch = given.pool.batch(SAMPLES)
    # Neighbours of samples 4, 1, 0 are (2, 0, 1), (0, 5, none), (1, 2, 3); a weight on one that does not exist asks for nothing.
    synthesizer = Fixed([[0.0, 0.5, 0.5], [0.0, 0.0, 9.0], [1.0, 0.0, 2.0]])
    requests, _ = drive(CrossSequence(given, synthesizer=synthesizer, loss=nt_xent), batch, MeanOfItems(12))
    assert list(requests) == ["anchor", "neighbours"]
    assert requests["anchor"].items is batch.inputs
    assert torch.equal(requests["neighbours"].items, given.pool.gather(torch.tensor([0, 1, 1, 3]))[0])
    assert torch.equal(requests["neighbours"].lengths, given.pool.gather(torch.tensor([0, 1, 1, 3]))[1])
    assert requests["neighbours"].grad


def test_the_positive_is_the_weighted_sum_of_neighbours() -> None:
    given, encoder = tiny_neighbours(), MeanOfItems(12)
    batch = given.pool.batch(SAMPLES)
    weights = torch.tensor([[0.0, 0.5, 0.5], [0.25, 0.0, 9.0], [1.0, 0.0, 2.0]])
    _, term = drive(CrossSequence(given, synthesizer=Fixed(weights.tolist()), loss=info_nce), batch, encoder)
    states = encoder.encode(Request("pool", *given.pool.gather(torch.arange(6))))
    positive = torch.stack([0.5 * states[0] + 0.5 * states[1], 0.25 * states[0], states[1] + 2 * states[3]])
    torch.testing.assert_close(term, info_nce(states[SAMPLES], positive))


def test_attention_by_hand() -> None:
    # The anchor's W e is (3, -2), the neighbours' (1, 1), (1, 1), (2, 0); with a = (1, -1, 2, 1) and h_v = (1, 0), (0, 1),
    # (1, 1) the positive is (.788058, .788058).
    texts = torch.tensor([[1.0, 0.0, 2.0], [1.0, 1.0, 0.0], [0.0, 2.0, 1.0], [2.0, 0.0, 0.0]])
    given = neighbours_of(torch.tensor([[1, 2, 3]]), texts)
    synthesizer = Attention(given, torch.Generator(), hidden_size=2, dropout=0.0)
    with torch.no_grad():
        synthesizer.projection.copy_(torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, -1.0]]))
        synthesizer.attention.copy_(torch.tensor([[1.0], [-1.0], [2.0], [1.0]]))
    objective = CrossSequence(given, synthesizer=synthesizer, loss=lambda anchor, positive, labels=None: positive)
    term = objective.term(given.pool.batch(torch.tensor([0])))
    next(term)
    states = {"anchor": torch.zeros(1, 2), "neighbours": torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])}
    with pytest.raises(StopIteration) as stop:
        term.send(Answer(states, torch.zeros(2, 2)))
    torch.testing.assert_close(stop.value.value, torch.tensor([[0.788058, 0.788058]]), atol=1e-5, rtol=0)


def test_shares_the_pass_of_the_batch_when_asked() -> None:
    given = tiny_neighbours()
    objective = CrossSequence(given, synthesizer=Mean(), loss=nt_xent, share_anchor=True)
    requests, _ = drive(objective, given.pool.batch(SAMPLES), MeanOfItems(12))
    assert list(requests) == [BATCH, "neighbours"]


def test_samples_are_looked_up_in_the_pool_by_row() -> None:
    # A pool in another order than the samples: the anchor's text is the one of its pool row.
    given = tiny_neighbours()
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    moved = dataclasses.replace(given, rows=order)
    seen: list[Tensor] = []

    def watch(anchors: Tensor, neighbours: Tensor) -> Tensor:
        seen.extend((anchors, neighbours))
        return Mean()(anchors, neighbours)

    drive(CrossSequence(moved, synthesizer=watch, loss=nt_xent), given.pool.batch(SAMPLES), MeanOfItems(12))
    assert torch.equal(seen[0], order[SAMPLES])
    assert torch.equal(seen[1], given.ids[SAMPLES])


def two_apart() -> tuple[CrossSequence, Batch, Tensor]:
    """Samples 0 and 1 with the neighbours 2 and 3, and the items that only the neighbours have."""
    given = neighbours_of(torch.tensor([[2], [3]]), torch.zeros(4, 2), num_items=1000)
    batch = given.pool.batch(torch.tensor([0, 1]))
    items = torch.unique(given.pool.gather(torch.tensor([2, 3]))[0])
    return CrossSequence(given, synthesizer=Top1(), loss=nt_xent), batch, items[~torch.isin(items, batch.inputs)]


def test_gradient_flows_into_the_items_of_neighbours() -> None:
    objective, batch, items = two_apart()
    encoder = MeanOfItems(1000)
    torch.autograd.backward(drive(objective, batch, encoder)[1])
    assert len(items) > 0
    assert encoder.table.grad is not None
    assert bool((encoder.table.grad[items].norm(dim=1) > 0).all())


def test_detached_neighbours_get_no_gradient_while_the_anchors_do() -> None:
    objective, batch, items = two_apart()
    objective.detach_neighbours = True
    encoder = MeanOfItems(1000)
    requests, term = drive(objective, batch, encoder)
    assert not requests["neighbours"].grad
    torch.autograd.backward(term)
    assert encoder.table.grad is not None
    assert not encoder.table.grad[items].any()
    assert bool(encoder.table.grad[batch.inputs[batch.inputs > 0]].any())


@pytest.mark.parametrize("detach", [False, True])
def test_the_synthesizer_learns(detach: bool) -> None:
    given, synthesizer = tiny_neighbours(), attention(dropout=0.0)
    objective = CrossSequence(given, synthesizer=synthesizer, loss=nt_xent, detach_neighbours=detach)
    torch.autograd.backward(drive(objective, given.pool.batch(SAMPLES), MeanOfItems(12))[1])
    assert {name for name, _ in objective.named_parameters()} == {"synthesizer.projection", "synthesizer.attention"}
    for parameter in objective.parameters():
        assert parameter.grad is not None
        assert bool(parameter.grad.any())


def test_without_any_kept_neighbour_it_asks_for_anchors_alone() -> None:
    given: Synthesizer = Fixed([[0.0] * 3] * 3)
    neighbours = tiny_neighbours()
    encoder = MeanOfItems(12)
    requests, term = drive(CrossSequence(neighbours, synthesizer=given, loss=nt_xent), neighbours.pool.batch(SAMPLES), encoder)
    assert list(requests) == ["anchor"]
    anchors = encoder.encode(requests["anchor"])
    torch.testing.assert_close(term, nt_xent(anchors, torch.zeros_like(anchors)))
    torch.autograd.backward(term)
    assert encoder.table.grad is not None
    assert bool(encoder.table.grad.isfinite().all())


def test_a_row_without_neighbours_has_a_positive_of_zero() -> None:
    neighbours, encoder = tiny_neighbours(), MeanOfItems(12)
    batch = neighbours.pool.batch(torch.tensor([3, 2]))  # none, and sequence 4 alone
    _, term = drive(CrossSequence(neighbours, synthesizer=Mean(), loss=info_nce), batch, encoder)
    states = encoder.encode(Request("pool", *neighbours.pool.gather(torch.arange(6))))
    torch.testing.assert_close(term, info_nce(states[[3, 2]], torch.stack([torch.zeros(4), states[4]])))


def test_repeats_itself_to_the_last_bit() -> None:
    def gradients() -> list[Tensor]:
        torch.manual_seed(0)
        encoder, given = MeanOfItems(12), tiny_neighbours()
        objective = CrossSequence(given, synthesizer=attention(), loss=nt_xent)
        torch.autograd.backward(drive(objective, given.pool.batch(torch.arange(6).repeat(20)), encoder)[1])
        return [tensor.grad for tensor in (encoder.table, *objective.parameters()) if tensor.grad is not None]

    for first, second in zip(gradients(), gradients(), strict=True):
        assert torch.equal(first, second)
