"""The Cloze task: how many items are hidden, which, and what of them the loss sees."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from sracl.backbones.bert4rec import BERT4Rec
from sracl.contracts.augmenter import left_padded, numbered
from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import Batch, Objective, SequenceSpec
from sracl.losses.cross_entropy import cross_entropy
from sracl.objectives.cloze import Cloze

L, MASK = 20, 21
LENGTHS = torch.arange(1, L + 1)


def cloze(seed: int = 0, *, mask_item: int = MASK, **settings: Any) -> Cloze:
    return Cloze(torch.Generator().manual_seed(seed), mask_item, **{"last_share": 0.0, "loss": cross_entropy, **settings})


def batch_of(inputs: Tensor, lengths: Tensor) -> Batch:
    rows = torch.arange(len(inputs))
    return Batch(samples=rows, users=rows, inputs=inputs, lengths=lengths, targets=torch.zeros_like(rows))


@pytest.mark.parametrize("last_share", [0.0, 0.5])
class TestCloze(ObjectiveContract):
    num_items = MASK  # twenty items, and MASK

    @pytest.fixture(autouse=True)
    def parameters(self, last_share: float) -> None:
        self.last_share = last_share

    def objective(self) -> Objective:
        return cloze(last_share=self.last_share)

    def batch(self) -> Batch:
        return batch_of(numbered(LENGTHS, L), LENGTHS)


COUNTS = {
    # max(1, round(.6 n)): .6, 1.2, 1.8, 2.4, 3.0, 3.6, 4.2, 4.8, 5.4, 6.0 and so on
    0.6: [1, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 10, 10, 11, 11, 12],
    0.2: [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4],
    # halves go to the even number: .5 -> 0 (so 1), 1.5 -> 2, 2.5 -> 2, 3.5 -> 4, 4.5 -> 4 …
    0.5: [1, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8, 8, 8, 9, 10, 10],
    1.0: list(range(1, 21)),
}


@pytest.mark.parametrize("ratio", list(COUNTS))
def test_hides_so_many_items_of_sequences_of_1_to_20(ratio: float) -> None:
    items = numbered(LENGTHS, L)
    objective = cloze(ratio=ratio)
    for _ in range(50):
        hidden = objective.hide(items, LENGTHS)
        assert hidden.sum(1).tolist() == COUNTS[ratio]
        assert not hidden[items == 0].any()
    assert COUNTS[ratio] == [max(1, round(ratio * n)) for n in range(1, 21)]


def test_hides_no_more_than_the_cap() -> None:
    hidden = cloze(ratio=0.6, most=5).hide(numbered(LENGTHS, L), LENGTHS)
    assert hidden.sum(1).tolist() == [min(5, count) for count in COUNTS[0.6]]


def test_all_positions_are_hidden_alike() -> None:
    count = torch.full((20_000,), 5)
    shares = cloze().hide(numbered(count, 5), count).double().mean(0)
    # 3 of 5: standard deviation (.6 · .4 / 20000)^½ = .0035; four of them
    torch.testing.assert_close(shares, torch.full((5,), 0.6, dtype=torch.float64), atol=0.014, rtol=0)


def test_masks_what_it_hides_and_nothing_else() -> None:
    batch = batch_of(left_padded(LENGTHS, L, 20), LENGTHS)
    hidden = cloze(3).hide(batch.inputs, batch.lengths)
    requests, _ = drive(cloze(3), batch, MeanOfItems(MASK))
    (request,) = requests.values()
    assert torch.equal(request.items, torch.where(hidden, MASK, batch.inputs))
    assert torch.equal(request.lengths, batch.lengths)
    assert (request.mask, request.want, request.grad) == ("bidirectional", "all", True)


def test_rows_for_the_last_item_hide_that_alone() -> None:
    only_last = torch.zeros(20, L, dtype=torch.bool)
    only_last[:, -1] = True
    assert torch.equal(cloze(last_share=1.0).hide(numbered(LENGTHS, L), LENGTHS), only_last)


def test_a_share_of_the_rows_is_for_the_last_item() -> None:
    count = torch.full((20_000,), 20)
    hidden = cloze(last_share=0.1).hide(numbered(count, L), count)
    last_alone = hidden.sum(1) == 1
    assert bool(hidden[last_alone, -1].all())
    assert hidden[~last_alone].sum(1).unique().tolist() == [12]
    # standard deviation (.1 · .9 / 20000)^½ = .0021; four of them
    assert last_alone.double().mean().item() == pytest.approx(0.1, abs=0.0085)


def judged(objective: Cloze, batch: Batch, states: Tensor, table: Tensor) -> float:
    """The term where the states are given, whatever is read."""
    term = objective.term(batch)
    (request,) = next(term)
    try:
        term.send(Answer({request.key: states}, table))
    except StopIteration as stop:
        return float(stop.value)
    raise AssertionError("a term yields its requests once")


def test_every_hidden_item_counts_the_same() -> None:
    # Two items with vectors ±1, one-dimensional states of h: the loss of item 1 is log(1 + e^-2h). All is hidden, and every item
    # is item 1. A row of one with h = 1 and a row of three with h = 0: (log(1 + e⁻²) + 3 log 2) / 4, not the mean of row means.
    states = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])[:, :, None]
    batch = batch_of(torch.tensor([[0, 0, 1], [1, 1, 1]]), torch.tensor([1, 3]))
    loss = judged(cloze(mask_item=3, ratio=1.0), batch, states, torch.tensor([[0.0], [1.0], [-1.0]]))
    assert loss == pytest.approx((math.log1p(math.exp(-2)) + 3 * math.log(2)) / 4, abs=1e-6)


def test_the_first_position_counts() -> None:
    # full rows, everything hidden: the state of the first slot alone is not 0, and costs log(1 + e⁻⁴) where the others cost log 2
    states = torch.zeros(1, 3, 1)
    states[0, 0] = 2.0
    loss = judged(
        cloze(mask_item=3, ratio=1.0),
        batch_of(torch.ones(1, 3, dtype=torch.int64), torch.tensor([3])),
        states,
        torch.tensor([[0.0], [1.0], [-1.0]]),
    )
    assert loss == pytest.approx((math.log1p(math.exp(-4)) + 2 * math.log(2)) / 3, abs=1e-6)


def test_items_that_are_not_hidden_are_not_judged() -> None:
    generator = torch.Generator().manual_seed(5)
    states, table = torch.randn(20, L, 4, generator=generator), torch.randn(MASK, 4, generator=generator)
    items = left_padded(LENGTHS, L, 20)
    hidden = cloze(2).hide(items, LENGTHS)
    others = torch.where(hidden | (items == 0), items, items % 20 + 1)
    hidden_items = torch.where(hidden, items % 20 + 1, items)
    before, same, different = (judged(cloze(2), batch_of(these, LENGTHS), states, table) for these in (items, others, hidden_items))
    assert same == before
    assert different != before


def test_the_targets_of_the_batch_play_no_part() -> None:
    encoder, batch = MeanOfItems(MASK), batch_of(numbered(LENGTHS, L), LENGTHS)
    other = Batch(samples=batch.samples, users=batch.users, inputs=batch.inputs, lengths=batch.lengths, targets=batch.targets + 7)
    assert drive(cloze(), batch, encoder)[1] == drive(cloze(), other, encoder)[1]


def test_a_sequence_of_one_item_is_all_mask_and_trains_the_bias() -> None:
    torch.manual_seed(0)
    backbone = BERT4Rec(SequenceSpec(20, L, has_mask=True), MASK, hidden_size=8, inner_size=16)
    batch = batch_of(torch.tensor([[0] * 19 + [4], [0] * 19 + [9]]), torch.tensor([1, 1]))
    loss, terms = training_loss(backbone, [Weighted("cloze", 1.0, cloze())], batch)
    loss.backward()
    # MASK alone is read: a guess among 20 items, with logits of standard deviation √8 · .02 = .06
    assert terms["cloze"].item() == pytest.approx(math.log(20), abs=0.2)
    gradient = backbone.item_bias.grad
    assert gradient is not None
    assert (gradient < 0).nonzero()[:, 0].tolist() == [4 - 1, 9 - 1]


def test_draws_anew_each_step_and_again_from_the_same_seed() -> None:
    items = numbered(LENGTHS, L)
    objective = cloze(1)
    first, second = (objective.hide(items, LENGTHS) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(cloze(1).hide(items, LENGTHS), first)
