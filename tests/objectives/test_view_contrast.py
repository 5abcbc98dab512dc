from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from torch import Tensor

from sracl.augmenters.crop import Crop
from sracl.augmenters.mask import Mask
from sracl.augmenters.reorder import Reorder
from sracl.backbones.sasrec import SASRec
from sracl.contracts.augmenter import numbered
from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.contracts.view import samples_of
from sracl.data.samples import SequenceTable
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import BATCH, Batch, Request, SequenceSpec
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.next_item import NextItem
from sracl.objectives.readout import Readout
from sracl.objectives.view_contrast import ViewContrast
from sracl.views.distinct import Distinct
from sracl.views.same_target import SameTarget
from tests.support import meta

if TYPE_CHECKING:
    from sracl.interfaces import Augmenter, ContrastiveLoss, Objective

MASK = 13
ROWS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [2, 11], [12, 1, 5]]
TARGETS = [3, 3, 5, 3, 5, 9]
SAMPLES = torch.tensor([2, 0, 5, 1])


def cl4srec(seed: int = 0, *, mask: bool = True, loss: ContrastiveLoss = nt_xent, readout: Readout = "last") -> ViewContrast:
    """CL4SRec's contrast over twelve items."""
    generator = torch.Generator().manual_seed(seed)
    operators: list[Augmenter] = [Crop(generator, keep=0.6), Reorder(generator, ratio=0.6)]
    if mask:
        operators.append(Mask(MASK, generator, ratio=0.3))
    return ViewContrast(views=Distinct(generator, augmenters=tuple(operators)), loss=loss, readout=readout)


def six(targets: list[int] = TARGETS) -> SequenceTable:
    """Six samples: three followed by item 3, two by 5, one by 9."""
    return samples_of(ROWS, targets, max_length=5)


def duorec(
    samples: SequenceTable,
    loss: ContrastiveLoss = nt_xent,
    *,
    positive: Literal["same_target", "itself"] = "same_target",
    share_anchor: bool = False,
    false_negatives: Literal["none", "same_target"] = "none",
) -> ViewContrast:
    """DuoRec's contrasts."""
    views = SameTarget(samples, torch.Generator().manual_seed(4), positive=positive, share_anchor=share_anchor)
    return ViewContrast(views=views, false_negatives=false_negatives, loss=loss)


def batch_of(lengths: list[int], width: int = 8) -> Batch:
    """Sequences 1, 2, …, n."""
    count = torch.tensor(lengths)
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=numbered(count, width), lengths=count, targets=rows % 12 + 1)


@pytest.mark.parametrize("readout", ["last", "mean", "flatten"])
class TestOfDistinctViews(ObjectiveContract):
    num_items = 13  # twelve items, and MASK

    @pytest.fixture(autouse=True)
    def parameters(self, readout: Readout) -> None:
        self.readout = readout

    def objective(self) -> Objective:
        return cl4srec(readout=self.readout)

    def batch(self) -> Batch:
        return six().batch(SAMPLES)


@pytest.mark.parametrize("positive", ["same_target", "itself"])
@pytest.mark.parametrize("share_anchor", [False, True])
@pytest.mark.parametrize("false_negatives", ["none", "same_target"])
class TestOfTheSameTarget(ObjectiveContract):
    @pytest.fixture(autouse=True)
    def parameters(
        self, positive: Literal["same_target", "itself"], share_anchor: bool, false_negatives: Literal["none", "same_target"]
    ) -> None:
        self.made = partial(duorec, positive=positive, share_anchor=share_anchor, false_negatives=false_negatives)

    def objective(self) -> Objective:
        return self.made(six())

    def batch(self) -> Batch:
        return six().batch(SAMPLES)


def test_contrasts_the_first_view_with_the_second() -> None:
    encoder = MeanOfItems(MASK)
    requests, term = drive(cl4srec(loss=info_nce), batch_of([8, 5, 3, 7]), encoder)
    assert list(requests) == ["first", "second"]
    # The one-way loss tells the sides apart.
    assert term == info_nce(*(encoder.encode(request) for request in requests.values()))


def test_nt_xent_does_not_care_which_view_is_first() -> None:
    encoder = MeanOfItems(MASK)
    requests, term = drive(cl4srec(), batch_of([8, 5, 3, 7]), encoder)
    first, second = (encoder.encode(request) for request in requests.values())
    torch.testing.assert_close(term, nt_xent(second, first))


def test_equal_views_cost_the_log_of_the_others() -> None:
    # five sequences of the same single item: all ten views are equal, so each partner is one of 2 · 5 - 1
    _, term = drive(cl4srec(), batch_of([1] * 5), MeanOfItems(MASK))
    assert term.item() == pytest.approx(math.log(9), abs=1e-6)


@pytest.mark.parametrize("readout", ["mean", "flatten"])
def test_what_is_read_of_all_states_is_contrasted(readout: Readout) -> None:
    encoder = MeanOfItems(MASK)
    requests, term = drive(cl4srec(loss=info_nce, readout=readout), batch_of([8, 5, 3, 7]), encoder)
    assert [request.want for request in requests.values()] == ["all", "all"]
    states = [encoder.encode(request) for request in requests.values()]  # [B, L, d], zeros at padding
    if readout == "mean":
        real = [(request.items > 0).sum(1, keepdim=True) for request in requests.values()]
        read = [state.sum(1) / count for state, count in zip(states, real, strict=True)]
    else:
        read = [state.reshape(4, -1) for state in states]
    torch.testing.assert_close(term, info_nce(*read))


def test_data_are_the_same_after_a_hundred_steps() -> None:
    pool, objective, encoder = six(), cl4srec(), MeanOfItems(MASK)
    before = pool.items.clone()
    batch = pool.batch(torch.arange(6))
    inputs = batch.inputs.clone()
    for _ in range(100):
        drive(objective, batch, encoder)
    assert torch.equal(pool.items, before)
    assert torch.equal(batch.inputs, inputs)


class Counting(SASRec):
    """Remembers how many sequences each call encoded."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(SequenceSpec(12, 8, has_mask=True), hidden_size=8, inner_size=16, dropout=0.0, attention_dropout=0.0)
        self.encoded: list[int] = []

    def encode(self, items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        self.encoded.append(len(items))
        return super().encode(items, lengths, **how)


def step(backbone: SASRec, *objectives: Weighted) -> None:
    loss, _ = training_loss(backbone, objectives, batch_of([8, 5, 3, 7, 1, 6]))
    loss.backward()


def test_batch_and_views_are_encoded_in_one_call() -> None:
    backbone = Counting()
    step(backbone, Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("views", 0.1, cl4srec()))
    assert backbone.encoded == [3 * 6]


def test_gradient_is_that_of_the_recommendation_plus_a_share_of_that_of_the_views() -> None:
    gradients = []
    for weights in ({"next": 1.0, "views": 0.3}, {"next": 1.0}, {"views": 1.0}):
        backbone = Counting()
        made: dict[str, Objective] = {"next": NextItem(loss=cross_entropy), "views": cl4srec(seed=4)}
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
    step(backbone, Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("views", 0.1, cl4srec(mask=mask)))
    gradient = backbone.item_embedding.weight.grad
    assert gradient is not None
    assert bool(gradient[MASK].any()) is mask


def test_the_gradient_of_the_same_target_is_that_of_both_terms() -> None:
    samples, batch = six(), six().batch(SAMPLES)
    torch.manual_seed(0)
    backbone = SASRec(SequenceSpec(12, 5), hidden_size=8, dropout=0.0, attention_dropout=0.0)

    def gradients(*weights: float) -> list[Tensor]:
        parts: list[Objective] = [NextItem(loss=cross_entropy), duorec(samples)]
        backbone.zero_grad()
        weighted = [Weighted(str(number), weight, parts[number]) for number, weight in enumerate(weights) if weight]
        torch.autograd.backward(training_loss(backbone, weighted, batch)[0])
        return [torch.zeros_like(weight) if weight.grad is None else weight.grad.clone() for weight in backbone.parameters()]

    for both, rec, contrast in zip(gradients(1.0, 0.3), gradients(1.0), gradients(0.0, 1.0), strict=True):
        torch.testing.assert_close(both, rec + 0.3 * contrast, atol=1e-5, rtol=0)


@pytest.mark.parametrize("share_anchor", [False, True])
def test_dropout_alone_tells_a_sequence_from_itself(share_anchor: bool) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(anchor: Tensor, positive: Tensor, labels: Tensor | None = None) -> Tensor:
        seen.append((anchor, positive))
        return nt_xent(anchor, positive, labels)

    samples = six()
    objective = duorec(samples, watch, positive="itself", share_anchor=share_anchor)
    backbone = SASRec(SequenceSpec(12, 5), hidden_size=8, dropout=0.5)
    for training in (True, False):
        backbone.train(training)
        training_loss(backbone, [Weighted("contrast", 1.0, objective)], samples.batch(SAMPLES))
    (anchor, positive), (still_anchor, still_positive) = seen
    assert bool((anchor != positive).any(dim=1).all())
    torch.testing.assert_close(still_anchor, still_positive)


@pytest.mark.parametrize("share_anchor", [False, True])
def test_the_pass_that_predicts_takes_part_where_the_anchor_is_shared(share_anchor: bool) -> None:
    requests, _ = drive(duorec(six(), share_anchor=share_anchor), six().batch(SAMPLES), MeanOfItems(12))
    assert list(requests) == [BATCH if share_anchor else "first", "second"]


def test_rows_with_the_same_target_are_no_negatives_when_asked() -> None:
    samples, encoder = six(), MeanOfItems(12)
    batch = samples.batch(SAMPLES)  # targets 5, 3, 9, 3
    requests, kept = drive(duorec(samples), batch, encoder)
    anchor, positive = (encoder.encode(request) for request in requests.values())
    _, spared = drive(duorec(samples, false_negatives="same_target"), batch, encoder)
    assert kept == nt_xent(anchor, positive)
    assert spared == nt_xent(anchor, positive, torch.tensor([5, 3, 9, 3]))
    assert spared < kept


def test_where_every_position_predicts_the_last_target_tells_false_negatives() -> None:
    samples, encoder = six(), MeanOfItems(12)
    _, expected = drive(duorec(samples, false_negatives="same_target"), samples.batch(SAMPLES), encoder)
    samples.each_position = True
    batch = samples.batch(SAMPLES)
    assert batch.targets.shape == (4, 5)
    _, term = drive(duorec(samples, false_negatives="same_target"), batch, encoder)
    assert term == expected


def test_a_batch_of_one_target_costs_and_teaches_nothing_without_false_negatives() -> None:
    samples, encoder = six([3] * 6), MeanOfItems(12)
    _, term = drive(duorec(samples, false_negatives="same_target"), samples.batch(torch.arange(6)), encoder)
    torch.autograd.backward(term)
    assert term.item() == 0.0
    assert encoder.table.grad is not None
    assert not encoder.table.grad.any()


def test_a_batch_of_one_costs_nothing() -> None:
    samples = six()
    assert drive(duorec(samples), samples.batch(torch.tensor([3])), MeanOfItems(12))[1].item() == 0.0


def test_a_loss_without_labels_serves_where_none_are_given() -> None:
    def distance(anchor: Tensor, positive: Tensor) -> Tensor:
        return (anchor - positive).square().mean()

    plain: Any = distance
    samples, encoder = six(), MeanOfItems(12)
    requests, term = drive(duorec(samples, plain), samples.batch(SAMPLES), encoder)
    assert term == distance(*(encoder.encode(request) for request in requests.values()))


def test_false_negatives_need_a_loss_that_takes_labels() -> None:
    def plain(anchor: Tensor, positive: Tensor) -> Tensor:
        return (anchor - positive).sum()

    without_labels: Any = plain
    with pytest.raises(ValueError, match="labels"):
        duorec(six(), without_labels, false_negatives="same_target")


class Given:
    """Views that are told what to be."""

    def __init__(self, first: Tensor, second: Tensor) -> None:
        self.pair = first, second

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        first, second = self.pair
        return Request("first", first, batch.lengths), Request("second", second, batch.lengths)


def test_two_pairs_by_hand() -> None:
    # Views [[1, 0], [0, 1]] and [[2, 1], [0, 1]] by the dot product: rows of 2 · 2 logits less their own,
    # .239545 .861995 .551445 .861995, on average .628745
    encoder = MeanOfItems(4, hidden_size=2)
    encoder.table = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [0.0, 1.0]], requires_grad=True)
    views = Given(torch.tensor([[1], [2]]), torch.tensor([[3], [4]]))

    def dot(anchor: Tensor, positive: Tensor) -> Tensor:
        return nt_xent(anchor, positive, similarity="dot")

    loss: Any = dot
    rows = torch.arange(2)
    batch = Batch(samples=rows, users=rows, inputs=torch.tensor([[1], [2]]), lengths=torch.tensor([1, 1]), targets=rows + 1)
    _, term = drive(ViewContrast(views=views, loss=loss), batch, encoder)
    assert term.item() == pytest.approx(0.628745, abs=1e-6)


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    table = meta.samples(monkeypatch)
    for objective in (cl4srec(), duorec(table), duorec(table, false_negatives="same_target")):
        encoder = MeanOfItems(MASK)
        encoder.table = encoder.table.to("meta")
        _, term = drive(objective, table.batch(table.users[:4]), encoder)
        assert term.device.type == "meta"
