from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sracl.contracts.similarity import SimilarityContract
from sracl.interfaces import ItemSimilarity
from sracl.similarities.embedding import alike
from sracl.similarities.hybrid import Hybrid
from sracl.similarities.itemcf_iuf import ItemCFIUF
from tests.support.similarities import histories_of, random_histories, random_vectors, snapshot, spec_of

HISTORIES = [[1, 2, 3], [1, 2, 3, 4]]
"""Neighbours of `itemcf_iuf` are 1 -> 2 and 2 -> 1 with score 1, 3 -> 1 with score 0, and 4 has none."""

VECTORS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 2.0], [2.0, 0.0]])
"""Products are 4 of 1 and 4, 2 of 2 and 3, else 0, so that neighbours are 1 -> 4 and 4 -> 1 with score 1, 2 -> 3 and 3 -> 2 with 1/2."""


def small(warmup_steps: int) -> Hybrid:
    return Hybrid(spec_of(4), histories_of(HISTORIES), warmup_steps=warmup_steps)


@pytest.mark.parametrize("steps", [90, 100])
class TestHybrid(SimilarityContract):
    @pytest.fixture(autouse=True)
    def parameters(self, steps: int) -> None:
        self.steps = steps

    def similarity(self) -> ItemSimilarity:
        made = Hybrid(spec_of(self.num_items), histories_of(random_histories(self.num_items)), warmup_steps=100)
        made.begin_epoch(snapshot(random_vectors(self.num_items), self.steps))
        return made

    def test_mask_has_none(self) -> None:
        assert self.similarity()(torch.tensor([self.num_items + 1])).tolist() == [0]


def test_each_item_has_the_neighbour_of_larger_score_and_users_are_asked_first() -> None:
    similarity = small(warmup_steps=0)
    similarity.begin_epoch(snapshot(VECTORS, 0))
    # 1: 1 and 1, so 2 stays; 2: 1 is more than 1/2; 3: 1/2 is more than 0; 4: anything is more than nothing
    assert similarity(torch.arange(6)).tolist() == [0, 2, 1, 2, 1, 0]
    torch.testing.assert_close(similarity.nearest.scores, torch.tensor([-1.0, 1.0, 1.0, 0.5, 1.0, -1.0]))


def test_vectors_are_never_compared_before_they_are_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def watched(item_table: Tensor, num_rows: int) -> object:
        compared.append(num_rows)
        return alike(item_table, num_rows)

    monkeypatch.setattr("sracl.similarities.hybrid.alike", watched)
    similarity = small(warmup_steps=30)
    offline = ItemCFIUF(spec_of(4), histories_of(HISTORIES))(torch.arange(6))
    assert torch.equal(similarity(torch.arange(6)), offline)
    for steps in (0, 10, 20, 29):
        similarity.begin_epoch(snapshot(VECTORS, steps))
        assert torch.equal(similarity(torch.arange(6)), offline)
    assert compared == []
    similarity.begin_epoch(snapshot(VECTORS, 30))
    assert compared == [6]
    assert not torch.equal(similarity(torch.arange(6)), offline)


def test_an_epoch_follows_from_its_snapshot_alone() -> None:
    through, resumed = small(warmup_steps=10), small(warmup_steps=10)
    for steps in (0, 10, 20):
        through.begin_epoch(snapshot(VECTORS.roll(steps, 0), steps))
    resumed.begin_epoch(snapshot(VECTORS.roll(20, 0), 20))
    assert torch.equal(through.nearest.items, resumed.nearest.items)
    assert torch.equal(through.nearest.scores, resumed.nearest.scores)


def test_a_stage_that_begins_anew_warms_up_anew() -> None:
    similarity = small(warmup_steps=10)
    before = similarity(torch.arange(6))
    similarity.begin_epoch(snapshot(VECTORS, 10))
    similarity.begin_epoch(snapshot(VECTORS, 0))
    assert torch.equal(similarity(torch.arange(6)), before)
