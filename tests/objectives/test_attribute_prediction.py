from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sracl.contracts.augmenter import numbered
from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.data.attributes import ItemAttributes
from sracl.interfaces import Batch
from sracl.objectives.attribute_prediction import AttributePrediction
from sracl.views.masked import Masked

if TYPE_CHECKING:
    from torch import Tensor

    from sracl.interfaces import Objective

MASK = 13


def attributes_of(*sets: tuple[int, ...]) -> ItemAttributes:
    """Values of item 1, 2, …."""
    table = np.zeros((1 + len(sets), max(1, *map(len, sets))), dtype=np.int64)
    for item, values in enumerate(sets, start=1):
        table[item, : len(values)] = values
    count = int(table.max())
    return ItemAttributes(tuple(f"category: {number}" for number in range(count)), table, np.zeros((1 + len(sets), 2), dtype=np.int64))


TWELVE = attributes_of(*[tuple(value for value in (1, 2, 3, 4, 5) if (item * value) % 3 == 1) for item in range(1, 13)])


def made(attributes: ItemAttributes = TWELVE, seed: int = 0, ratio: float = 0.2, **parameters: Any) -> AttributePrediction:
    """The objective over states of four numbers, unless told otherwise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        views = Masked(MASK, torch.Generator().manual_seed(seed), ratio=ratio)
        return AttributePrediction(attributes, **{"views": views, "hidden_size": 4, **parameters})


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=torch.zeros_like(rows))


def answer(objective: Objective, batch: Batch, states: Tensor) -> tuple[Tensor, Tensor]:
    """The term where the backbone says these states, and the slots that were hidden."""
    term = objective.term(batch)
    (request,) = next(term)
    assert (request.mask, request.want) == ("bidirectional", "all")
    with pytest.raises(StopIteration) as stop:
        term.send(Answer({request.key: states}, torch.zeros(MASK, states.shape[-1])))
    value: Tensor = stop.value.value
    return value, request.items == MASK


class TestAttributePrediction(ObjectiveContract):
    num_items = 13  # twelve items, and MASK

    def objective(self) -> Objective:
        return made()

    def batch(self) -> Batch:
        return batch_of([8, 3, 1, 5])


def by_hand(**weights: Any) -> AttributePrediction:
    """W = I, b = 0 and T = (2, 0), (-1, 1), (.5, -.5); the first item has the attributes 1 and 3, the second has 2."""
    objective = made(attributes_of((1, 3), (2,), ()), ratio=0.0, hidden_size=2, **weights)
    with torch.no_grad():
        objective.attributes.weight[1:] = torch.tensor([[2.0, 0.0], [-1.0, 1.0], [0.5, -0.5]])
        for projection in (objective.of_shown, objective.of_hidden):
            projection.weight.copy_(torch.eye(2))
    return objective


@pytest.mark.parametrize("width", [3, 7])
def test_shown_items_by_hand(width: int) -> None:
    # (1, 0): logits 2, -1, .5 against 1, 0, 1 cost .126928 + .313262 + .474077 = .914267
    # (0, 1): logits 0, 1, -.5 against 0, 1, 0 cost .693147 + .313262 + .474077 = 1.480486
    # the third item is hidden and has no weight; padding before a row adds nothing
    states = torch.cat([torch.full((1, width - 3, 2), 9.0), torch.tensor([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])], dim=1)
    value, hidden = answer(by_hand(associated=1.0, masked=0.0), batch_of([3], width), states)
    assert hidden.sum() == 1
    assert value.item() == pytest.approx(2.394753, abs=1e-6)


def test_terms_are_sums_over_attributes_and_positions_and_means_over_rows_only() -> None:
    # twice the row costs as much; a row of one item, which is hidden, halves the share of the others
    states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
    objective = by_hand(associated=0.5, masked=0.0)
    assert answer(objective, batch_of([3, 3], 3), states.repeat(2, 1, 1))[0].item() == pytest.approx(0.5 * 2.394753, abs=1e-6)
    assert answer(objective, batch_of([3, 1], 3), states.repeat(2, 1, 1))[0].item() == pytest.approx(0.5 * 2.394753 / 2, abs=1e-6)


def test_hidden_items_by_hand_and_one_without_attributes() -> None:
    # the third item has none: logits 2, -1, .5 against 0, 0, 0 cost 2.126928 + .313262 + .974077
    states = torch.tensor([[[7.0, 7.0], [7.0, 7.0], [1.0, 0.0]]])
    assert answer(by_hand(associated=0.0, masked=1.0), batch_of([3], 3), states)[0].item() == pytest.approx(3.414267, abs=1e-6)


def test_is_the_binary_cross_entropy_of_a_row_of_labels_a_position() -> None:
    objective, batch = made(associated=0.2, masked=1.0), batch_of([8, 3, 1, 5])
    states = torch.randn(4, 8, 4, generator=torch.Generator().manual_seed(1))
    value, hidden = answer(objective, batch, states)
    labels = torch.zeros(MASK, 6).scatter_(1, torch.from_numpy(TWELVE.sets), 1.0)[:, 1:][batch.inputs]  # [B, L, A]
    costs = []
    for weight, projection, places in ((0.2, objective.of_shown, (batch.inputs > 0) & ~hidden), (1.0, objective.of_hidden, hidden)):
        logits = projection(states) @ objective.attributes.weight[1:].T
        costs.append(weight * F.binary_cross_entropy_with_logits(logits[places], labels[places], reduction="sum"))
    torch.testing.assert_close(value, (costs[0] + costs[1]) / 4)


def test_shown_and_hidden_positions_are_apart_and_cover_the_row() -> None:
    batch = batch_of([8, 3, 1, 5] * 5)
    reached = []
    alone: list[dict[str, Any]] = [{"associated": 1.0, "masked": 0.0}, {"associated": 0.0, "masked": 1.0}]
    for weights in alone:
        states = torch.randn(20, 8, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
        value, hidden = answer(made(seed=3, **weights), batch, states)
        torch.autograd.backward(value)
        assert states.grad is not None
        reached.append(states.grad.any(dim=2))
    shown, masked = reached
    assert torch.equal(masked, hidden)
    assert bool(masked[:, -1].all())
    assert not bool((shown & masked).any())
    assert torch.equal(shown | masked, batch.inputs > 0)


def test_each_has_a_projection_of_its_own_and_both_share_the_attributes() -> None:
    for left_out, trained in (("masked", "of_shown"), ("associated", "of_hidden")):
        parameters: dict[str, Any] = {left_out: 0.0}
        objective = made(**parameters)
        torch.autograd.backward(drive(objective, batch_of([8, 5]), MeanOfItems(MASK))[1])
        with_gradient = {name for name, part in objective.named_parameters() if part.grad is not None and bool(part.grad.any())}
        assert with_gradient == {"attributes.weight", f"{trained}.weight", f"{trained}.bias"}


def test_attributes_of_items_are_not_saved() -> None:
    assert {name.partition(".")[0] for name in made().state_dict()} == {"attributes", "of_shown", "of_hidden"}


def test_without_attributes_the_way_out_is_named() -> None:
    nothing = ItemAttributes((), np.zeros((13, 1), dtype=np.int64), np.zeros((13, 2), dtype=np.int64))
    with pytest.raises(ValueError, match=r"no two items .* share a category or a brand.*weight = 0\.0 on this objective"):
        made(nothing)


def test_two_weights_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"set the objective's weight to 0\.0"):
        made(associated=0.0, masked=0.0)


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors of the device `meta` have no values: whatever asks for one raises. Its draws take no generator.
    draw: Any = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *args, generator=None, **kwargs: draw(*args, **kwargs))
    batch = Batch(**{name: tensor.to("meta") for name, tensor in vars(batch_of([8, 5])).items()})
    encoder = MeanOfItems(MASK)
    encoder.table = encoder.table.to("meta")
    _, term = drive(made().to("meta"), batch, encoder)
    assert term.device.type == "meta"
