from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from sracl.contracts.augmenter import numbered
from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.data.samples import SequenceTable
from sracl.interfaces import Batch
from sracl.objectives.preference import Link
from sracl.objectives.segment_prediction import SegmentPrediction

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Objective

MASK = 13
HELD_OUT = 12


def histories() -> SequenceTable:
    """Users who train 10 11, 9, and 11 10 9 11, each with two items behind that validate and test."""
    items = torch.tensor([10, 11, HELD_OUT, HELD_OUT, 9, HELD_OUT, HELD_OUT, 11, 10, 9, 11, HELD_OUT, HELD_OUT])
    starts, stops = torch.tensor([0, 4, 7]), torch.tensor([2, 5, 11])
    return SequenceTable(items, starts, stops, max_length=4, users=torch.arange(3), targets=torch.zeros(3, dtype=torch.int64))


END_TO_END = [10, 11, 9, 11, 10, 9, 11]


def made(seed: int = 0, **parameters: Any) -> SegmentPrediction:
    """The objective over states of four numbers, unless told otherwise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SegmentPrediction(MASK, histories(), torch.Generator().manual_seed(seed), **{"hidden_size": 4, **parameters})


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=torch.zeros_like(rows))


def drawn(batch: Batch, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Items of the context, the positive and the negative."""
    context, positive, negative = next(made(seed).term(batch))
    assert [request.key for request in (context, positive, negative)] == ["context", "positive", "negative"]
    for request in (context, positive, negative):
        assert (request.mask, request.want) == ("bidirectional", "last")
        assert request.lengths is batch.lengths
    return context.items, positive.items, negative.items


class TestSegmentPrediction(ObjectiveContract):
    num_items = 13  # twelve items, and MASK

    def objective(self) -> Objective:
        return made()

    def batch(self) -> Batch:
        return batch_of([8, 3, 1, 5])


@pytest.mark.parametrize(
    ("link", "cost"),
    [
        # σ(2) - σ(1) = .149738; log(1 + e^-.149738)
        ("sigmoid", 0.621078),
        # log(1 + e^-1)
        ("identity", 0.313262),
    ],
)
def test_by_hand(link: Link, cost: float) -> None:
    objective = made(hidden_size=1, link=link)
    with torch.no_grad():
        objective.projection.weight.fill_(1.0)
    # three rows score 2 and 1; the last of one item counts as a row and adds nothing
    term = objective.term(batch_of([5, 2, 8, 1]))
    next(term)
    with pytest.raises(StopIteration) as stop:
        term.send(Answer({"context": torch.ones(4, 1), "positive": torch.full((4, 1), 2.0), "negative": torch.ones(4, 1)}, torch.zeros(1)))
    assert stop.value.value.item() == pytest.approx(3 / 4 * cost, abs=1e-6)


def test_the_context_and_the_positive_share_the_row_between_them() -> None:
    batch = batch_of([2, 3, 5, 8] * 500)
    context, positive, _ = drawn(batch)
    padding = batch.inputs == 0
    assert bool((context[padding] == 0).all() and (positive[padding] == 0).all())
    inside = (positive != MASK) & ~padding
    assert torch.equal(positive[inside], batch.inputs[inside])
    assert bool((context[inside] == MASK).all())
    assert torch.equal(context[~inside], batch.inputs[~inside])


def test_the_negative_differs_from_the_positive_inside_the_segment_only() -> None:
    batch = batch_of([2, 3, 5, 8] * 500)
    _, positive, negative = drawn(batch)
    inside = (positive != MASK) & (batch.inputs > 0)
    assert torch.equal(positive[~inside], negative[~inside])
    assert bool((negative[inside] != MASK).all())
    assert bool((negative[inside] > 0).all())


def test_a_segment_is_a_stretch_of_up_to_half_the_row_all_lengths_and_places_alike() -> None:
    draws = 6000
    batch = batch_of([5] * draws)
    _, positive, _ = drawn(batch)
    inside = (positive != MASK) & (batch.inputs > 0)
    lengths = inside.sum(1)
    # ⌊5/2⌋ = 2: a half each; standard deviation (1/4 / 6000)^½ = .0065, four of them
    assert set(lengths.tolist()) == {1, 2}
    assert abs((lengths == 1).float().mean().item() - 0.5) < 0.026
    first, last = inside.int().argmax(1), 7 - inside.flip(1).int().argmax(1)
    assert torch.equal(last - first + 1, lengths)
    # five places for one item and four for two, among 3,000 each: standard deviation (3000 · 1/5 · 4/5)^½ = 22; four of them
    for length, places in ((1, 5), (2, 4)):
        counts = (first[lengths == length] - 3).bincount(minlength=places).float()
        torch.testing.assert_close(counts, counts.mean().expand(places), atol=100, rtol=0)


@pytest.mark.parametrize("length", [2, 3, 4, 7, 8])
def test_a_segment_has_an_item_and_no_more_than_half_the_row(length: int) -> None:
    batch = batch_of([length] * 300)
    _, positive, _ = drawn(batch)
    lengths = ((positive != MASK) & (batch.inputs > 0)).sum(1)
    assert set(lengths.tolist()) == set(range(1, length // 2 + 1))


def test_negatives_are_stretches_of_what_trains_end_to_end() -> None:
    batch = batch_of([8] * 2000)
    _, positive, negative = drawn(batch)
    inside = (positive != MASK) & (batch.inputs > 0)
    stretches = {tuple(row[chosen].tolist()) for row, chosen in zip(negative, inside, strict=True)}
    assert stretches == {tuple(END_TO_END[start : start + length]) for length in (1, 2, 3, 4) for start in range(8 - length)}
    assert HELD_OUT not in negative


def test_rows_of_one_item_teach_nothing() -> None:
    encoder, objective = MeanOfItems(MASK), made()
    _, term = drive(objective, batch_of([1, 1, 1]), encoder)
    assert term == 0
    torch.autograd.backward(term)
    for tensor in (encoder.table, *objective.parameters()):
        assert tensor.grad is not None
        assert not tensor.grad.any()


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors of the device `meta` have no values: whatever asks for one raises. Its draws take no generator.
    draw: Any = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *args, generator=None, **kwargs: draw(*args, **kwargs))
    batch = Batch(**{name: tensor.to("meta") for name, tensor in vars(batch_of([8, 5])).items()})
    encoder = MeanOfItems(MASK)
    encoder.table = encoder.table.to("meta")
    objective = made().to("meta")
    objective.trained = objective.trained.to("meta")
    _, term = drive(objective, batch, encoder)
    assert term.device.type == "meta"
