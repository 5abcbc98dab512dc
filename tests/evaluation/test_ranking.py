"""Ranks by counting, against sorting, with ties, seen items and repeats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sracl.backbones.base import Backbone
from sracl.backbones.sasrec import SASRec
from sracl.data.samples import SequenceTable
from sracl.errors import SraclError
from sracl.evaluation.ranking import rank, scored
from sracl.interfaces import SequenceSpec


class Fixed(Backbone):
    """Scores given per user, whatever the history."""

    def __init__(self, scores: Tensor) -> None:
        super().__init__(SequenceSpec(scores.shape[1], 4))
        self.scores = scores

    def encode(self, items: Tensor, lengths: Tensor, **_: object) -> Tensor:
        return torch.zeros(len(items), 1)

    def score(self, states: Tensor, users: Tensor | None = None, candidates: Tensor | None = None) -> Tensor:
        return self.scores[users]


def histories(targets: list[int]) -> SequenceTable:
    count = len(targets)
    rows = torch.arange(count)
    return SequenceTable(torch.ones(count, dtype=torch.int64), rows, rows + 1, max_length=4, users=rows, targets=torch.tensor(targets))


def test_counts_what_stands_before_the_target() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.4], [3.0, 2.0, 1.0, 0.0]])
    seen = torch.tensor([[2, 0], [1, 2]])
    found = rank(Fixed(scores), histories([3, 3]), seen)
    assert found.keep.tolist() == [2, 3]
    assert found.exclude.tolist() == [1, 1]


def test_equal_scores_stand_in_the_order_of_ids() -> None:
    found = rank(Fixed(torch.zeros(3, 4)), histories([1, 3, 4]), torch.tensor([[0], [1], [4]]))
    assert found.keep.tolist() == [1, 3, 4]
    assert found.exclude.tolist() == [1, 2, 5]  # item 1 is out for the second; the third's target is itself out: V + 1


def test_a_constant_scorer_hits_at_chance() -> None:
    num_items = 50
    found = rank(
        Fixed(torch.ones(num_items, num_items)), histories(list(range(1, num_items + 1))), torch.zeros(num_items, 1, dtype=torch.int64)
    )
    assert (found.keep <= 10).float().mean().item() == pytest.approx(10 / num_items)


def test_agrees_with_sorting_and_does_not_depend_on_the_block() -> None:
    torch.manual_seed(0)
    model = SASRec(SequenceSpec(40, 6), hidden_size=8, inner_size=16)
    items = torch.randint(1, 41, (300,))
    stops = torch.arange(8, 108)
    table = SequenceTable(items, stops - 1 - stops % 6, stops, max_length=6, users=stops - 8, targets=items[stops])
    inputs, lengths = table.gather(torch.arange(100))
    with torch.no_grad():
        scores = model.eval().score(model.encode(inputs, lengths))
    order = scores.argsort(dim=1, descending=True)
    sorted_rank = 1 + (order == table.targets[:, None] - 1).int().argmax(1)
    seen = torch.zeros(100, 6, dtype=torch.int64)
    excluded = scores.clone()
    for row in range(100):
        distinct = inputs[row][inputs[row] > 0].unique()
        seen[row, : len(distinct)] = distinct
        excluded[row, distinct - 1] = float("-inf")
    known = (seen == table.targets[:, None]).any(1)
    excluded_rank = 1 + (excluded.argsort(dim=1, descending=True) == table.targets[:, None] - 1).int().argmax(1)
    for batch_size in (1, 33, 1024):
        found = rank(model, table, seen, batch_size=batch_size)
        assert torch.equal(found.keep, sorted_rank)
        assert torch.equal(found.exclude[~known], excluded_rank[~known])
        assert (found.exclude[known] == 41).all()


def test_untrained_model_is_near_chance_and_keeps_its_mode() -> None:
    torch.manual_seed(0)
    model = SASRec(SequenceSpec(1000, 6), hidden_size=8, inner_size=16).train()
    items = torch.randint(1, 1001, (2000,))
    stops = torch.arange(8, 1908)
    table = SequenceTable(items, stops - 3, stops, max_length=6, users=stops, targets=items[stops])
    found = rank(model, table, torch.zeros(1900, 1, dtype=torch.int64))
    # 1900 draws of p = .01: mean 19, standard deviation 4.3
    assert abs((found.keep <= 10).sum().item() - 19) < 5 * 4.3
    assert model.training


@pytest.mark.parametrize("batch_size", [7, 64, 500])
def test_ties_within_rows_and_blocks_agree_with_a_stable_sort(batch_size: int) -> None:
    # 30 levels for 200 items: some targets are alone on theirs, most are not; 150 users are two blocks of 64 and a rest
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 30, (150, 200), generator=generator).float()
    scores[::7] = torch.rand(22, 200, generator=generator)  # rows without ties among them
    scores[3] = float("-inf")
    targets = torch.randint(1, 201, (150,), generator=generator)
    order = scores.argsort(dim=1, descending=True, stable=True)
    found = rank(Fixed(scores), histories(targets.tolist()), torch.zeros(150, 1, dtype=torch.int64), batch_size=batch_size)
    assert torch.equal(found.keep, 1 + (order == targets[:, None] - 1).int().argmax(1))
    assert torch.equal(found.exclude, found.keep)


class Stored(Fixed):
    """Hands out its own tensor."""

    def score(self, states: Tensor, users: Tensor | None = None, candidates: Tensor | None = None) -> Tensor:
        return self.scores


def test_scores_are_not_written_to() -> None:
    scores = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
    kept = scores.clone()
    rank(Stored(scores), histories([1, 2, 3]), torch.tensor([[0], [1], [4]]))
    assert torch.equal(scores, kept)


@pytest.mark.parametrize("user", [0, 149])
def test_refuses_scores_that_are_no_numbers(user: int) -> None:
    scores = torch.zeros(150, 3)
    scores[user, 1] = float("nan")
    model = Fixed(scores).train()
    with pytest.raises(SraclError, match="contain NaN"):
        rank(model, histories([1] * 150), torch.zeros(150, 1, dtype=torch.int64))
    assert model.training


def test_blocks_of_some_rows_are_those_of_all_rows_to_the_last_bit() -> None:
    torch.manual_seed(0)
    model = SASRec(SequenceSpec(1000, 6), hidden_size=8, inner_size=16).train()
    items = torch.randint(1, 1001, (500,))
    stops = torch.arange(8, 408)
    table = SequenceTable(items, stops - 1 - stops % 6, stops, max_length=6, users=stops, targets=items[stops])
    whole = torch.cat([scores for _, scores in scored(model, table, batch_size=150)])
    wanted = np.zeros(400, dtype=bool)
    wanted[[3, 149, 399]] = True
    some = list(scored(model, table, batch_size=150, wanted=wanted))
    assert [(rows[0].item(), len(rows)) for rows, _ in some] == [(0, 64), (128, 22), (364, 36)]  # 150 rows are 64, 64 and 22
    assert all(torch.equal(scores, whole[rows]) for rows, scores in some)
    assert model.training


def test_states_in_half_precision_are_scored_in_float32() -> None:
    class Halved(SASRec):
        def encode(self, items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
            return super().encode(items, lengths, **how).half()

    torch.manual_seed(0)
    backbone = Halved(SequenceSpec(9, 4), hidden_size=8, inner_size=16)
    ((_, scores),) = scored(backbone, histories([3, 1]), batch_size=2)
    assert scores.dtype == torch.float32
