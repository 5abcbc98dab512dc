from __future__ import annotations

import math

import pytest
import torch

from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.interfaces import BATCH, Batch, Objective, SequenceSpec
from sracl.objectives.pairwise_ranking import PairwiseRanking


def ranking(num_negatives: int = 1, num_items: int = 12) -> PairwiseRanking:
    longest = min(4, num_items - 2)  # with the target, one item is left
    return PairwiseRanking(SequenceSpec(num_items, longest), torch.Generator().manual_seed(0), num_negatives=num_negatives)


def rows(inputs: list[list[int]], targets: list[int]) -> Batch:
    items = torch.tensor(inputs)
    samples = torch.arange(len(inputs))
    return Batch(samples=samples, users=samples, inputs=items, lengths=(items > 0).sum(1), targets=torch.tensor(targets))


class TestPairwiseRanking(ObjectiveContract):
    def objective(self) -> Objective:
        return ranking()

    def batch(self) -> Batch:
        return rows([[0, 1, 2, 3], [0, 0, 4, 5], [6, 7, 8, 9]], [4, 6, 10])


def scored(*values: float) -> MeanOfItems:
    """An encoder in which item i has the vector (values[i - 1], 0): the state of a history of one 1-vector scores it so."""
    encoder = MeanOfItems(len(values), hidden_size=2)
    with torch.no_grad():
        encoder.table[1:] = torch.tensor([[value, 0.0] for value in values])
    return encoder


def test_one_negative_is_the_logistic_loss_of_the_difference() -> None:
    # Items 1, 2, 3 have vectors 1, 2, 1; the history (1) has state 1, the target 2 scores 2, and 3 is all that is left: 1.
    # -log σ(2 - 1) = log(1 + e⁻¹) = .313262
    requests, term = drive(ranking(num_items=3), rows([[0, 0, 0, 1]], [2]), scored(1.0, 2.0, 1.0))
    assert list(requests) == [BATCH]
    assert term.item() == pytest.approx(0.313262, abs=1e-5)


def test_several_negatives_count_by_their_softmax() -> None:
    # History (1) and target 2 leave 3 and 4, with scores 0 and 1 against the target's 2, both drawn in some order, or one twice:
    # {3, 4}: softmax (.268941, .731059); .268941 σ(2) + .731059 σ(1) = .236883 + .534447 = .771330, -log = .259639
    # {3, 3}: σ(2), -log = .126928; {4, 4}: σ(1), -log = .313262
    found = {
        round(drive(objective, rows([[0, 0, 0, 1]], [2]), scored(1.0, 2.0, 0.0, 1.0))[1].item(), 4)
        for objective in [ranking(2, num_items=4)]
        for _ in range(40)
    }
    assert found == {0.2596, 0.1269, 0.3133}


def test_negatives_are_in_neither_input_nor_target_and_a_fresh_model_has_log_2() -> None:
    encoder = scored(*[0.0] * 12)
    _, term = drive(ranking(5), rows([[1, 2, 3, 4], [0, 0, 5, 6]], [5, 7]), encoder)
    assert term.item() == pytest.approx(math.log(2), abs=1e-6)


def test_a_catalogue_that_a_sequence_and_its_target_may_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="a sequence of up to 4 may hold all 4 items"):
        PairwiseRanking(SequenceSpec(4, 3), torch.Generator())
    PairwiseRanking(SequenceSpec(5, 3), torch.Generator())
