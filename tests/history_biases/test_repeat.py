"""What is added to the scores of items seen before: by hand, on sources with repeats and without, from a recipe to its ranks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sracl.backbones.bert4rec import BERT4Rec
from sracl.backbones.sasrec import SASRec
from sracl.contracts.history_bias import HistoryBiasContract
from sracl.contracts.view import samples_of
from sracl.data.samples import SequenceTable
from sracl.engine.step import Weighted, training_loss
from sracl.errors import PluginError, RecipeError
from sracl.evaluation.ranking import rank
from sracl.history_biases.repeat import Repeat
from sracl.interfaces import Bias, HistoryBias, RankingLoss, SequenceSpec
from sracl.losses.binary_cross_entropy import BinaryCrossEntropy
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.sampled_softmax import SampledSoftmax
from sracl.objectives.cloze import Cloze
from sracl.objectives.next_item import NextItem
from sracl.objectives.pairwise_ranking import PairwiseRanking
from sracl.recipes.plan import plan
from sracl.runs.agreement import demand_bias
from sracl.runs.assembly import assemble
from sracl.runs.parts import Parts
from sracl.runs.workshop import Workshop
from tests.support.recipes import sracl_recipe


def repeat(by: float, num_items: int = 5) -> Repeat:
    """One that adds this much."""
    made = Repeat(SequenceSpec(num_items, 4))
    with torch.no_grad():
        made.weight.fill_(by / Repeat.SPEED)
    return made


class TestRepeat(HistoryBiasContract):
    def history_bias(self) -> HistoryBias:
        return repeat(-2.0, self.num_items)


def test_by_hand() -> None:
    # Item 2 stands in the first history twice and gets 3 once; padding (0) and MASK (6) get nothing.
    bias = repeat(3.0)(torch.tensor([[2, 5, 2], [0, 6, 1]]))
    added = bias.added_to(torch.tensor([[0.0, 1.0, 0.0, 0.0, 1.0], [0.5, 0.0, 0.0, 0.0, 0.0]]))
    assert added.tolist() == [[0.0, 4.0, 0.0, 0.0, 4.0], [3.5, 0.0, 0.0, 0.0, 0.0]]
    assert bias.of(torch.tensor([1, 2, 5])).tolist() == [[0.0, 3.0, 3.0], [3.0, 0.0, 0.0]]
    assert bias.of(torch.tensor([[2, 3], [3, 1]])).tolist() == [[3.0, 0.0], [0.0, 3.0]]


def test_begins_as_nothing() -> None:
    assert not Repeat(SequenceSpec(5, 4))(torch.tensor([[1, 2, 3]])).values.any()


def backbone(by: float) -> SASRec:
    torch.manual_seed(0)
    made = SASRec(SequenceSpec(5, 4), hidden_size=8, inner_size=8)
    made.history_bias = repeat(by)
    return made


def test_items_of_the_history_fall_to_the_end_of_the_list_and_rise_to_its_head() -> None:
    histories = samples_of([[1, 2, 4], [3], [5, 1]], [1, 1, 2], max_length=4)  # the first target is a repeat
    seen = torch.tensor([[1, 2, 4], [3, 0, 0], [5, 1, 0]])
    apart, below, above = (rank(backbone(by), histories, seen) for by in (0.0, -1e4, 1e4))
    assert torch.equal(below.keep[1:], apart.exclude[1:])  # as if they were out
    assert 3 <= int(below.keep[0]) <= 5  # behind both that are not seen
    assert 1 <= int(above.keep[0]) <= 3
    assert above.keep[1:].tolist() == [position + seen for position, seen in zip(apart.exclude[1:].tolist(), (1, 2), strict=True)]
    for found in (below, above):
        assert torch.equal(found.exclude[1:], apart.exclude[1:])  # nothing is added to what is not seen


def slope(objective: NextItem | Cloze, samples: SequenceTable, of: SASRec | BERT4Rec) -> float:
    """Of the loss by the learned weight."""
    given = of.history_bias
    assert isinstance(given, Repeat)
    loss, _ = training_loss(of, [Weighted("next", 1.0, objective)], samples.batch(torch.arange(len(samples))))
    (found,) = torch.autograd.grad(loss, given.weight)
    return float(found)


AGAIN, NEW = ([[1, 2], [3, 4]], [1, 4]), ([[1, 2], [3, 4]], [5, 1])
"""Samples whose targets are repeats, and whose are not."""


@pytest.mark.parametrize(
    "loss",
    [
        cross_entropy,
        SampledSoftmax(torch.Generator().manual_seed(1), num_negatives=5),
        BinaryCrossEntropy(torch.Generator().manual_seed(1), num_negatives=8),
    ],
    ids=["cross_entropy", "sampled_softmax", "binary_cross_entropy"],
)
def test_falls_where_nobody_repeats_and_rises_where_all_do(loss: RankingLoss) -> None:
    objective = NextItem(loss=loss)
    again, new = (slope(objective, samples_of(*samples, max_length=4), backbone(0.0)) for samples in (AGAIN, NEW))
    assert again < 0 < new


def test_every_position_has_a_history_of_its_own() -> None:
    # Of 1 → 2 → 1 the first prediction is new to (1), the second a repeat in (1, 2): as two samples, one prefix each.
    rows = samples_of([[1, 2]], [1], max_length=4)
    rows.each_position = True
    given: list[Bias] = []

    def keep(states: Tensor, item_table: Tensor, targets: Tensor, bias: Bias | None = None) -> Tensor:
        assert bias is not None
        given.append(bias)
        return cross_entropy(states, item_table, targets, bias)

    training_loss(backbone(2.0), [Weighted("next", 1.0, NextItem(loss=keep))], rows.batch(torch.tensor([0])))
    nothing = torch.zeros(2, 5)
    assert given[0].added_to(nothing).tolist() == [[2.0, 0.0, 0.0, 0.0, 0.0], [2.0, 2.0, 0.0, 0.0, 0.0]]


def test_filling_in_looks_at_what_is_not_hidden() -> None:
    torch.manual_seed(0)
    bert = BERT4Rec(SequenceSpec(5, 4, has_mask=True), 6, hidden_size=8, inner_size=8)
    objective = Cloze(torch.Generator().manual_seed(0), 6, last_share=1.0, loss=cross_entropy)
    for last, falls in ((4, True), (1, False)):  # 1 2 ? is a new item, or a repeat
        bert.history_bias = repeat(0.0)
        assert (slope(objective, samples_of([[1, 2, last]], [0], max_length=4), bert) > 0) is falls


PLAIN = ["objective.cross.weight=0.0", "objective.intra.weight=0.0"]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SRACL_HOME", str(tmp_path))
    monkeypatch.setenv("SRACL_CACHE_DIR", str(tmp_path / "cache"))
    return sracl_recipe(tmp_path, epochs=2)


def assembled(recipe: Path, *sets: str) -> Parts:
    (run,) = plan(str(recipe), sets=[*PLAIN, "history_bias=repeat", *sets]).runs
    return assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))


@pytest.mark.parametrize("name", ["sasrec", "gru4rec", "bsarec"])
def test_a_recipe_gives_it_to_any_backbone(recipe: Path, name: str) -> None:
    made = assembled(recipe, f"backbone={{ use = '{name}', hidden_size = 8 }}").backbone
    assert isinstance(made.history_bias, Repeat)
    assert "history_bias.weight" in dict(made.named_parameters())


def test_a_recipe_that_would_not_train_it_is_refused(recipe: Path) -> None:
    with pytest.raises(RecipeError, match=r"history_bias: None of the objectives \(next\) trains it. next_item and cloze do"):
        assembled(recipe, 'objective.next={ use = "pairwise_ranking" }')
    pairwise = PairwiseRanking(SequenceSpec(40, 8), torch.Generator())
    with pytest.raises(PluginError, match=r"history_bias: None of the objectives \(next\) trains it"):
        demand_bias([Weighted("next", 1.0, pairwise)])


def test_a_loss_that_takes_none_is_refused_by_name(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "def hinge(states, item_table, targets, *, margin: float = 1.0):\n    return (states * item_table[targets]).sum()\n"
    (recipe.parent / "bare_loss.py").write_text(code)
    monkeypatch.syspath_prepend(recipe.parent)
    with pytest.raises(RecipeError, match=r"next.loss: bare_loss:hinge takes no bias, so that \[history_bias\] would be"):
        assembled(recipe, 'objective.next.loss={ use = "bare_loss:hinge" }')
    (recipe.parent / "bare_loss.py").write_text(f"import functools\n\n@functools.cache\n{code}")  # which no source tells
    with pytest.raises(PluginError, match=r"next.loss: hinge takes no bias, so that \[history_bias\] would be learned by nothing"):
        assembled(recipe, 'objective.next.loss={ use = "bare_loss:hinge" }')
    without = plan(str(recipe), sets=[*PLAIN, 'objective.next.loss={ use = "bare_loss:hinge" }']).runs[0]
    assert assemble(without, Workshop(torch.device("cpu"), report=lambda line: None)).backbone.history_bias is None


def test_the_digest_of_a_recipe_without_one_has_no_trace_of_it(recipe: Path) -> None:
    without, with_one = (plan(str(recipe), sets=sets).runs[0] for sets in ([], ["history_bias=repeat"]))
    assert "history_bias" not in without.values
    assert without.digest != with_one.digest
