from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pytest
import torch
from sracl.objectives.same_target_contrast import SameTargetContrast
from torch import Tensor

from sracl.backbones.sasrec import SASRec
from sracl.data.samples import SameTarget, SequenceTable
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import BATCH, Batch, Objective, SequenceSpec
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.next_item import NextItem
from tests.contracts.objective import MeanOfItems, ObjectiveContract, drive

if TYPE_CHECKING:
    from sracl.interfaces import ContrastiveLoss

ROWS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [2, 11], [12, 1, 5]]
TARGETS = [3, 3, 5, 3, 5, 9]
SAMPLES = torch.tensor([2, 0, 5, 1])


def table(targets: list[int] = TARGETS) -> SequenceTable:
    """Six samples: three followed by item 3, two by 5, one by 9."""
    stops = torch.tensor([len(row) for row in ROWS]).cumsum(0)
    starts = torch.cat([torch.tensor([0]), stops[:-1]])
    items = torch.tensor([item for row in ROWS for item in row])
    return SequenceTable(items, starts, stops, max_length=5, users=torch.arange(6), targets=torch.tensor(targets))


def objective_of(
    samples: SequenceTable,
    loss: ContrastiveLoss = nt_xent,
    *,
    positive: Literal["same_target", "itself"] = "same_target",
    share_anchor: bool = False,
    false_negatives: Literal["none", "same_target"] = "none",
) -> SameTargetContrast:
    generator = torch.Generator().manual_seed(4)
    return SameTargetContrast(samples, generator, positive=positive, share_anchor=share_anchor, false_negatives=false_negatives, loss=loss)


@pytest.mark.parametrize("positive", ["same_target", "itself"])
@pytest.mark.parametrize("share_anchor", [False, True])
@pytest.mark.parametrize("false_negatives", ["none", "same_target"])
class TestSameTargetContrast(ObjectiveContract):
    @pytest.fixture
    def objective(
        self, positive: Literal["same_target", "itself"], share_anchor: bool, false_negatives: Literal["none", "same_target"]
    ) -> Objective:
        return objective_of(table(), positive=positive, share_anchor=share_anchor, false_negatives=false_negatives)

    @pytest.fixture
    def batch(self) -> Batch:
        return table().batch(SAMPLES)


def test_the_positive_is_another_sample_with_the_same_target() -> None:
    samples, encoder = table(), MeanOfItems(12)
    batch = samples.batch(SAMPLES)
    requests, term = drive(objective_of(samples, info_nce), batch, encoder)
    assert list(requests) == ["anchor", "positive"]
    assert requests["anchor"].items is batch.inputs
    drawn = SameTarget(samples.targets).draw(SAMPLES, torch.Generator().manual_seed(4))
    assert [TARGETS[sample] for sample in drawn.tolist()] == [5, 3, 9, 3]
    assert ((drawn == SAMPLES) == torch.tensor([False, False, True, False])).all()  # sample 5 alone has target 9
    assert torch.equal(requests["positive"].items, samples.gather(drawn)[0])
    assert torch.equal(requests["positive"].lengths, samples.gather(drawn)[1])
    # The one-way loss tells the sides apart.
    assert term == info_nce(*(encoder.encode(request) for request in requests.values()))


def test_partners_are_drawn_anew_at_each_step() -> None:
    samples = table([3] * 6)
    objective, batch = objective_of(samples), samples.batch(torch.arange(6))
    first, second = (drive(objective, batch, MeanOfItems(12))[0]["positive"].items for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("positive", "share_anchor", "keys"),
    [
        ("same_target", False, ["anchor", "positive"]),  # us_x: the pass that predicts takes no part
        ("same_target", True, [BATCH, "positive"]),  # su
        ("itself", True, [BATCH, "positive"]),  # un
        ("itself", False, ["anchor", "positive"]),
    ],
)
def test_passes_that_are_asked_for(positive: Literal["same_target", "itself"], share_anchor: bool, keys: list[str]) -> None:
    samples = table()
    batch = samples.batch(SAMPLES)
    requests, _ = drive(objective_of(samples, positive=positive, share_anchor=share_anchor), batch, MeanOfItems(12))
    assert list(requests) == keys
    assert (requests["positive"].items is batch.inputs) == (positive == "itself")


@pytest.mark.parametrize("share_anchor", [False, True])
def test_dropout_alone_tells_a_sequence_from_itself(share_anchor: bool) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def watch(anchor: Tensor, positive: Tensor, labels: Tensor | None = None) -> Tensor:
        seen.append((anchor, positive))
        return nt_xent(anchor, positive, labels)

    samples = table()
    objective = objective_of(samples, watch, positive="itself", share_anchor=share_anchor)
    backbone = SASRec(SequenceSpec(12, 5), hidden_size=8, dropout=0.5)
    for training in (True, False):
        backbone.train(training)
        training_loss(backbone, [Weighted("contrast", 1.0, objective)], samples.batch(SAMPLES))
    (anchor, positive), (still_anchor, still_positive) = seen
    assert bool((anchor != positive).any(dim=1).all())
    torch.testing.assert_close(still_anchor, still_positive)


def test_the_gradient_is_that_of_both_terms() -> None:
    samples, batch = table(), table().batch(SAMPLES)
    torch.manual_seed(0)
    backbone = SASRec(SequenceSpec(12, 5), hidden_size=8, dropout=0.0, attention_dropout=0.0)

    def gradients(*weights: float) -> list[Tensor]:
        parts: list[Objective] = [NextItem(loss=cross_entropy), objective_of(samples)]
        backbone.zero_grad()
        weighted = [Weighted(str(number), weight, parts[number]) for number, weight in enumerate(weights) if weight]
        torch.autograd.backward(training_loss(backbone, weighted, batch)[0])
        return [torch.zeros_like(weight) if weight.grad is None else weight.grad.clone() for weight in backbone.parameters()]

    for both, rec, contrast in zip(gradients(1.0, 0.3), gradients(1.0), gradients(0.0, 1.0), strict=True):
        torch.testing.assert_close(both, rec + 0.3 * contrast, atol=1e-5, rtol=0)


def test_rows_with_the_same_target_are_no_negatives_when_asked() -> None:
    samples, encoder = table(), MeanOfItems(12)
    batch = samples.batch(SAMPLES)  # targets 5, 3, 9, 3
    requests, kept = drive(objective_of(samples), batch, encoder)
    anchor, positive = (encoder.encode(request) for request in requests.values())
    _, spared = drive(objective_of(samples, false_negatives="same_target"), batch, encoder)
    assert kept == nt_xent(anchor, positive)
    assert spared == nt_xent(anchor, positive, torch.tensor([5, 3, 9, 3]))
    assert spared < kept


def test_a_batch_of_one_target_costs_and_teaches_nothing_without_false_negatives() -> None:
    samples, encoder = table([3] * 6), MeanOfItems(12)
    _, term = drive(objective_of(samples, false_negatives="same_target"), samples.batch(torch.arange(6)), encoder)
    torch.autograd.backward(term)
    assert term.item() == 0.0
    assert encoder.table.grad is not None
    assert not encoder.table.grad.any()


def test_a_batch_of_one_costs_nothing() -> None:
    samples = table()
    assert drive(objective_of(samples), samples.batch(torch.tensor([3])), MeanOfItems(12))[1].item() == 0.0


def test_a_loss_without_labels_serves_where_none_are_given() -> None:
    def distance(anchor: Tensor, positive: Tensor) -> Tensor:
        return (anchor - positive).square().mean()

    plain: Any = distance
    samples, encoder = table(), MeanOfItems(12)
    requests, term = drive(objective_of(samples, plain), samples.batch(SAMPLES), encoder)
    assert term == distance(*(encoder.encode(request) for request in requests.values()))


def test_a_draw_makes_no_host_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    # Tensors of the device `meta` have no values: whatever asks for one raises. Its draws take no generator.
    draw: Any = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *args, generator=None, **kwargs: draw(*args, **kwargs))
    ids = torch.zeros(40, dtype=torch.int64, device="meta")
    samples = SequenceTable(torch.zeros(90, dtype=torch.int64, device="meta"), ids, ids, max_length=5, users=ids, targets=ids)
    asked = next(objective_of(samples).term(samples.batch(ids[:8])))
    assert [tuple(request.items.shape) for request in asked] == [(8, 5), (8, 5)]


def test_false_negatives_need_a_loss_that_takes_labels() -> None:
    ids = torch.tensor([1, 1])
    samples = SequenceTable(ids, torch.tensor([0, 1]), torch.tensor([1, 2]), max_length=1, users=ids, targets=ids)
    with pytest.raises(ValueError, match="labels"):
        SameTargetContrast(samples, torch.Generator(), false_negatives="same_target", loss=lambda anchor, positive: anchor.sum())  # type: ignore[arg-type]
