from __future__ import annotations

import math

import pytest
import torch

from sracl.interfaces import Batch, Objective, SequenceSpec
from sracl.objectives.relation_discovery import RelationDiscovery
from tests.contracts.objective import MeanOfItems, ObjectiveContract, drive
from tests.objectives.test_pairwise_ranking import rows

TEXTS = torch.randn(13, 6, generator=torch.Generator().manual_seed(3)).index_fill(0, torch.tensor(0), 0)


def discovery(*, num_relations: int = 3, hidden_size: int = 4, entropy_weight: float = 0.1, num_items: int = 12) -> RelationDiscovery:
    torch.manual_seed(0)
    return RelationDiscovery(
        SequenceSpec(num_items, 4),
        TEXTS[: num_items + 1],
        torch.Generator().manual_seed(0),
        num_relations=num_relations,
        hidden_size=hidden_size,
        text_size=5,
        entropy_weight=entropy_weight,
    )


class TestRelationDiscovery(ObjectiveContract):
    @pytest.fixture
    def objective(self) -> Objective:
        return discovery()

    @pytest.fixture
    def batch(self) -> Batch:
        return rows([[0, 1, 2, 3], [0, 0, 4, 5], [6, 7, 8, 9]], [4, 6, 10])


def test_asks_for_no_encoding_and_begins_at_log_2() -> None:
    encoder = MeanOfItems(12)
    objective = discovery(entropy_weight=0.0)
    with torch.no_grad():
        encoder.table.zero_()  # σ(0) = ½ for every item of the history and every relation
    requests, term = drive(objective, rows([[0, 1, 2, 3]], [4]), encoder)
    assert requests == {}
    assert term.item() == pytest.approx(math.log(2), abs=1e-6)


def test_the_term_by_hand() -> None:
    # Two relations of width 1. History (1), target 2, and 3 is the only item that can stand for h⁻. e = (2, 1, -1), r = (1, -1),
    # and π = (½, ½) as the texts' projections are set to zero. φ_k(1, 2) - φ_k(3, 2) with w = ½ r:
    #   k = 1: (2·½·1 + 2·½ + 1·½) - (-1·½·1 - 1·½ + 1·½) = 2.5 + .5 = 3;   k = 2: -3
    # -½ (log σ(3) + log σ(-3)) = ½ (.048587 + 3.048587) = 1.548587; entropy term: mean of -π log π = ½ log 2 = .346574, × .1
    objective = discovery(num_relations=2, hidden_size=1, num_items=3)
    encoder = MeanOfItems(3, hidden_size=1)
    with torch.no_grad():
        encoder.table[1:] = torch.tensor([[2.0], [1.0], [-1.0]])
        assert objective.relation_embedding is not None
        objective.relation_embedding.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        for layer in (objective.relate_past, objective.relate_next):
            layer.weight.zero_()
        objective.relate_past.bias.zero_()
    _, term = drive(objective, rows([[0, 0, 0, 1]], [2]), encoder)
    assert term.item() == pytest.approx(1.548587 + 0.0346574, abs=1e-5)


def test_padding_takes_no_part() -> None:
    # of 4 items a history of 1, 2 and 3 leaves only 4 to stand for h⁻, so that draws cannot differ
    _, narrow = drive(discovery(num_items=4), rows([[2, 3, 1]], [1]), MeanOfItems(4))
    _, wide = drive(discovery(num_items=4), rows([[0, 2, 3, 1]], [1]), MeanOfItems(4))
    torch.testing.assert_close(narrow, wide)


def test_the_width_of_relations_must_be_that_of_items() -> None:
    with pytest.raises(ValueError, match="as wide as item vectors, 4 .hidden_size., but has 3 of 7"):
        drive(discovery(hidden_size=7), rows([[0, 1, 2, 3]], [4]), MeanOfItems(12))


def test_texts_get_no_gradient_and_every_parameter_does() -> None:
    objective = discovery()
    _, term = drive(objective, rows([[0, 1, 2, 3], [5, 6, 7, 8]], [4, 9]), MeanOfItems(12))
    torch.autograd.backward(term)
    assert not objective.item_vectors.requires_grad
    assert [name for name, parameter in objective.named_parameters() if parameter.grad is None] == []
