from __future__ import annotations

import pytest
import torch

from sracl.interfaces import BATCH, Batch, Objective
from sracl.losses.cross_entropy import cross_entropy
from sracl.objectives.next_item import NextItem
from tests.contracts.objective import MeanOfItems, ObjectiveContract, drive
from tests.contracts.synthesizer import tiny_neighbours


class TestNextItem(ObjectiveContract):
    @pytest.fixture
    def objective(self) -> Objective:
        return NextItem(loss=cross_entropy)

    @pytest.fixture
    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))


def test_is_the_loss_of_the_batch_against_its_targets() -> None:
    encoder, batch = MeanOfItems(12), tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))
    requests, term = drive(NextItem(loss=cross_entropy), batch, encoder)
    assert list(requests) == [BATCH]
    assert requests[BATCH].items is batch.inputs
    assert (requests[BATCH].mask, requests[BATCH].want, requests[BATCH].grad) == ("causal", "last", True)
    assert term == cross_entropy(encoder.encode(requests[BATCH]), encoder.table, batch.targets)
