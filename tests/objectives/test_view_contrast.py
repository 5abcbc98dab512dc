from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

from sracl.augmenters.crop import Crop
from sracl.augmenters.mask import Mask
from sracl.augmenters.reorder import Reorder
from sracl.backbones.sasrec import SASRec
from sracl.data.samples import SequenceTable
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import Batch, SequenceSpec
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.next_item import NextItem
from sracl.objectives.view_contrast import ViewContrast
from tests.contracts.augmenter import numbered
from tests.contracts.objective import MeanOfItems, ObjectiveContract, drive
from tests.contracts.synthesizer import tiny_neighbours

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, ContrastiveLoss, Objective

MASK = 13


def views(seed: int = 0, *, mask: bool = True, distinct: bool = True, loss: ContrastiveLoss = nt_xent) -> ViewContrast:
    """CL4SRec's three operators over twelve items."""
    generator = torch.Generator().manual_seed(seed)
    operators: list[Augmenter] = [Crop(generator, keep=0.6), Reorder(generator, ratio=0.6)]
    if mask:
        operators.append(Mask(MASK, generator, ratio=0.3))
    return ViewContrast(generator, augmenters=tuple(operators), distinct=distinct, loss=loss)


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=rows % 12 + 1)


@pytest.mark.parametrize("distinct", [True, False])
class TestViewContrast(ObjectiveContract):
    num_items = 13  # twelve items, and MASK

    @pytest.fixture
    def objective(self, distinct: bool) -> Objective:
        return views(distinct=distinct)

    @pytest.fixture
    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))


class All:
    """An augmenter whose views hold one item, over and over."""

    def __init__(self, item: int) -> None:
        self.item = item
        self.calls = 0

    def __call__(self, items: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        return torch.where(items > 0, self.item, 0), lengths


def pairs_drawn(draws: int, *, distinct: bool) -> tuple[torch.Tensor, list[All]]:
    """Share of each ordered pair of three augmenters, float [3, 3], and the augmenters."""
    operators = [All(1), All(2), All(3)]
    objective = ViewContrast(torch.Generator().manual_seed(0), augmenters=tuple(operators), distinct=distinct, loss=nt_xent)
    first, second = (request.items[:, -1] - 1 for request in next(objective.term(batch_of([2] * draws, width=2))))
    return (3 * first + second).bincount(minlength=9).view(3, 3) / draws, operators


def test_two_different_augmenters_in_every_order_alike() -> None:
    shares, operators = pairs_drawn(12_000, distinct=True)
    assert shares.diagonal().tolist() == [0, 0, 0]
    # One of six pairs: standard deviation (1/6 · 5/6 / 12000)^½ = .0034; four of them.
    torch.testing.assert_close(shares, (1 - torch.eye(3)) / 6, atol=0.0136, rtol=0)
    assert [operator.calls for operator in operators] == [1, 1, 1]


def test_independent_draws_may_coincide() -> None:
    shares, operators = pairs_drawn(12_000, distinct=False)
    # One of nine pairs: standard deviation (1/9 · 8/9 / 12000)^½ = .0029; four of them.
    torch.testing.assert_close(shares, torch.full((3, 3), 1 / 9), atol=0.0115, rtol=0)
    assert [operator.calls for operator in operators] == [2, 2, 2]


def test_one_augmenter_drawn_twice_makes_two_different_views() -> None:
    generator = torch.Generator().manual_seed(0)
    objective = ViewContrast(generator, augmenters=(Crop(generator),), distinct=False, loss=nt_xent)
    requests, _ = drive(objective, batch_of([8] * 20), MeanOfItems(12))
    assert not torch.equal(requests["view_a"].items, requests["view_b"].items)


def test_sequences_of_one_item_stay_as_they_are() -> None:
    # ⌊.3⌋ = ⌊.6⌋ = 0 items are hidden or shuffled, and the one there is is kept
    batch = batch_of([1] * 60)
    requests, _ = drive(views(), batch, MeanOfItems(MASK))
    assert list(requests) == ["view_a", "view_b"]
    for request in requests.values():
        assert torch.equal(request.items, batch.inputs)
        assert torch.equal(request.lengths, batch.lengths)


def test_equal_views_cost_the_log_of_the_others() -> None:
    # five sequences of the same single item: all ten views are equal, so each partner is one of 2 · 5 - 1
    _, term = drive(views(), batch_of([1] * 5), MeanOfItems(MASK))
    assert term.item() == pytest.approx(math.log(9), abs=1e-6)


def test_contrasts_the_first_view_with_the_second() -> None:
    encoder = MeanOfItems(MASK)
    requests, term = drive(views(loss=info_nce), batch_of([8, 5, 3, 7]), encoder)
    # The one-way loss tells the sides apart.
    assert term == info_nce(*(encoder.encode(request) for request in requests.values()))


def test_data_are_the_same_after_a_hundred_steps() -> None:
    pool, objective, encoder = tiny_neighbours().pool, views(), MeanOfItems(MASK)
    before = pool.items.clone()
    batch = pool.batch(torch.arange(6))
    inputs = batch.inputs.clone()
    for _ in range(100):
        drive(objective, batch, encoder)
    assert torch.equal(pool.items, before)
    assert torch.equal(batch.inputs, inputs)


def test_fewer_augmenters_than_are_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 2 with distinct = true, got 1"):
        ViewContrast(torch.Generator(), augmenters=(All(1),), loss=nt_xent)
    with pytest.raises(ValueError, match="at least 1 with distinct = false, got 0"):
        ViewContrast(torch.Generator(), augmenters=(), distinct=False, loss=nt_xent)


class Counting(SASRec):
    """Remembers how many sequences each call encoded."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(SequenceSpec(12, 8, has_mask=True), hidden_size=8, inner_size=16, dropout=0.0, attention_dropout=0.0)
        self.encoded: list[int] = []

    def encode(self, items: torch.Tensor, lengths: torch.Tensor, **how: Any) -> torch.Tensor:
        self.encoded.append(len(items))
        return super().encode(items, lengths, **how)


def step(backbone: SASRec, *objectives: Weighted) -> None:
    loss, _ = training_loss(backbone, objectives, batch_of([8, 5, 3, 7, 1, 6]))
    loss.backward()


def test_batch_and_views_are_encoded_in_one_call() -> None:
    backbone = Counting()
    step(backbone, Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("views", 0.1, views()))
    assert backbone.encoded == [3 * 6]


def test_gradient_is_that_of_the_recommendation_plus_a_share_of_that_of_the_views() -> None:
    gradients = []
    for weights in ({"next": 1.0, "views": 0.3}, {"next": 1.0}, {"views": 1.0}):
        backbone = Counting()
        made: dict[str, Objective] = {"next": NextItem(loss=cross_entropy), "views": views(seed=4)}
        step(backbone, *(Weighted(name, weight, made[name]) for name, weight in weights.items()))
        gradients.append({name: parameter.grad for name, parameter in backbone.named_parameters()})
    both, recommendation, contrast = gradients
    for name, gradient in both.items():
        a, b = recommendation[name], contrast[name]
        assert a is not None and b is not None
        torch.testing.assert_close(gradient, a + 0.3 * b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mask", [True, False])
def test_mask_learns_where_it_is_used(mask: bool) -> None:
    backbone = Counting()
    step(backbone, Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("views", 0.1, views(mask=mask)))
    gradient = backbone.item_embedding.weight.grad
    assert gradient is not None
    assert bool(gradient[MASK].any()) is mask


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of the device `meta` have no values: whatever would make the host wait for one raises."""
    for name in ("rand", "randint"):  # `meta` has no random generators; draws need only their shape
        draw: Any = getattr(torch, name)
        monkeypatch.setattr(torch, name, lambda *args, draw=draw, generator=None, **kwargs: draw(*args, **kwargs))
    with torch.device("meta"):
        ids = torch.zeros(9, dtype=torch.int64)
        table = SequenceTable(torch.zeros(40, dtype=torch.int64), ids, ids, max_length=8, users=ids, targets=ids)
    for distinct in (True, False):
        encoder = MeanOfItems(MASK)
        encoder.table = encoder.table.to("meta")
        _, term = drive(views(distinct=distinct), table.batch(ids[:4]), encoder)
        assert term.device.type == "meta"
