from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from sracl.contracts.augmenter import numbered
from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.interfaces import Batch, SequenceSpec
from sracl.objectives.masked_item import MaskedItem
from sracl.objectives.preference import Link, preference
from sracl.views.masked import Masked

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Objective

NUM_ITEMS = 12
MASK = 13


def made(seed: int = 0, ratio: float = 0.2, **parameters: Any) -> MaskedItem:
    """The objective over twelve items and states of four numbers, unless told otherwise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        views = Masked(MASK, torch.Generator().manual_seed(seed), ratio=ratio)
        spec = SequenceSpec(NUM_ITEMS, 8, has_mask=True)
        return MaskedItem(spec, torch.Generator().manual_seed(seed + 1), **{"views": views, "hidden_size": 4, **parameters})


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=torch.zeros_like(rows))


def answer(objective: Objective, batch: Batch, states: Tensor, item_table: Tensor) -> tuple[Tensor, Tensor]:
    """The term where the backbone says these states and items, and the slots that were hidden."""
    term = objective.term(batch)
    (request,) = next(term)
    assert (request.mask, request.want) == ("bidirectional", "all")
    with pytest.raises(StopIteration) as stop:
        term.send(Answer({request.key: states}, item_table))
    value: Tensor = stop.value.value
    return value, request.items == MASK


class TestMaskedItem(ObjectiveContract):
    num_items = 13  # twelve items, and MASK

    def objective(self) -> Objective:
        return made()

    def batch(self) -> Batch:
        return batch_of([8, 3, 1, 5])


def plain(**parameters: Any) -> MaskedItem:
    """W = I and b = 0, over states of one number."""
    objective = made(hidden_size=1, **parameters)
    with torch.no_grad():
        objective.projection.weight.fill_(1.0)
    return objective


@pytest.mark.parametrize(
    ("link", "cost"),
    [
        # σ(2) - σ(1) = .149738; log(1 + e^-.149738)
        ("sigmoid", 0.621078),
        # log(1 + e^-1)
        ("identity", 0.313262),
    ],
)
@pytest.mark.parametrize("width", [1, 5])
def test_by_hand(link: Link, cost: float, width: int) -> None:
    # the one item of the row scores 2 and all others 1, whichever is drawn; padding says something loud and is not heard
    table = torch.ones(NUM_ITEMS + 1, 1)
    table[1] = 2.0
    states = torch.full((1, width, 1), 50.0)
    states[:, -1] = 1.0
    assert answer(plain(link=link), batch_of([1], width), states, table)[0].item() == pytest.approx(cost, abs=1e-6)


def test_a_sum_over_hidden_positions_and_a_mean_over_rows_only() -> None:
    # all 8 + 1 items are hidden and score as their negatives do: nine times log 2, over two rows
    value, hidden = answer(plain(ratio=1.0), batch_of([8, 1]), torch.ones(2, 8, 1), torch.ones(NUM_ITEMS + 1, 1))
    assert hidden.sum() == 9
    assert value.item() == pytest.approx(9 / 2 * 0.693147, abs=1e-5)


def test_hidden_positions_are_asked_and_no_others() -> None:
    batch = batch_of([8, 3, 1, 5] * 5)
    states = torch.randn(20, 8, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    table = torch.randn(NUM_ITEMS + 1, 4, generator=torch.Generator().manual_seed(2))
    value, hidden = answer(made(), batch, states, table)
    torch.autograd.backward(value)
    assert states.grad is not None
    assert bool(hidden[:, -1].all())
    assert torch.equal(states.grad.any(dim=2), hidden)


def negatives(draws: int, ratio: float = 1.0) -> Tensor:
    """Items that rows 1, 2, …, 8 were told apart from, seen by the gradient of a table of as many columns as items."""
    objective = made(seed=5, ratio=ratio, hidden_size=1, link="identity")
    with torch.no_grad():
        objective.projection.weight.fill_(1.0)
    table = torch.zeros(NUM_ITEMS + 1, 1, requires_grad=True)
    value, _ = answer(objective, batch_of([8] * draws), torch.ones(draws, 8, 1), table)
    torch.autograd.backward(value)
    assert table.grad is not None
    # each negative adds ∂ log(1 + e^-(s⁺ - s⁻)) / ∂ s⁻ = ½, over the number of rows
    return table.grad.flatten() * 2 * draws


def test_negatives_are_uniform_over_the_items_outside_the_row() -> None:
    draws = 2000
    counts = negatives(draws)
    assert counts[0] == 0
    # items 1 to 8 are positive once a row, and never negative
    torch.testing.assert_close(counts[1:9], torch.full((8,), -float(draws)), rtol=1e-4, atol=0)
    # of 16,000 negatives each of the four others has a quarter: standard deviation (16000 · 3/16)^½ = 55; four of them
    torch.testing.assert_close(counts[9:], torch.full((4,), 4000.0), atol=220, rtol=0)


def test_scores_are_products_of_projected_states_and_items() -> None:
    batch = batch_of([8])
    states = torch.randn(1, 8, 4, generator=torch.Generator().manual_seed(1))
    table = torch.randn(1, 4, generator=torch.Generator().manual_seed(2)).repeat(NUM_ITEMS + 1, 1)
    table[:9] = torch.randn(9, 4, generator=torch.Generator().manual_seed(3))  # of the row; all others are the same item
    objective = made(link="sigmoid")
    value, hidden = answer(objective, batch, states, table)
    asking = objective.projection(states)
    expected = preference((asking * table[batch.inputs]).sum(2), asking @ table[9], link="sigmoid")
    torch.testing.assert_close(value, expected[hidden].sum())


def test_a_catalogue_that_a_sequence_may_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="may hold all 8 items"):
        MaskedItem(SequenceSpec(8, 8, has_mask=True), torch.Generator(), views=Masked(9, torch.Generator()))


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors of the device `meta` have no values: whatever asks for one raises. Its draws take no generator.
    for name in ("rand", "randint"):
        draw: Any = getattr(torch, name)
        monkeypatch.setattr(torch, name, lambda *args, draw=draw, generator=None, **kwargs: draw(*args, **kwargs))
    batch = Batch(**{name: tensor.to("meta") for name, tensor in vars(batch_of([8, 5])).items()})
    encoder = MeanOfItems(MASK)
    encoder.table = encoder.table.to("meta")
    _, term = drive(made().to("meta"), batch, encoder)
    assert term.device.type == "meta"
