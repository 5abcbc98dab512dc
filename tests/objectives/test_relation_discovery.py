from __future__ import annotations

import math
from typing import Literal

import pytest
import torch

from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.errors import PluginError
from sracl.interfaces import Batch, Objective, SequenceSpec
from sracl.objectives.relation_discovery import RelationDiscovery
from tests.objectives.test_pairwise_ranking import rows

TEXTS = torch.randn(13, 6, generator=torch.Generator().manual_seed(3)).index_fill(0, torch.tensor(0), 0)


def discovery(
    *,
    num_relations: int = 3,
    hidden_size: int | None = 4,
    entropy_weight: float = 0.1,
    num_items: int = 12,
    max_length: int = 4,
    relations: Literal["own", "backbone"] = "own",
) -> RelationDiscovery:
    torch.manual_seed(0)
    return RelationDiscovery(
        SequenceSpec(num_items, max_length),
        TEXTS[: num_items + 1],
        torch.Generator().manual_seed(0),
        relations=relations,
        num_relations=num_relations,
        hidden_size=hidden_size,
        text_size=5,
        entropy_weight=entropy_weight,
    )


class TestRelationDiscovery(ObjectiveContract):
    def objective(self) -> Objective:
        return discovery()

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
    # Two relations of width 1. History (1), target 2, and h⁻ is 2 or 3. e = (2, 1, -1), r = (1, -1), and π = (½, ½) as the texts'
    # projections are set to zero. φ_k(1, 2) - φ_k(h⁻, 2) with w = ½ r:
    #   h⁻ = 3, k = 1: (2·½·1 + 2·½ + 1·½) - (-1·½·1 - 1·½ + 1·½) = 2.5 + .5 = 3;   k = 2: -3
    #   h⁻ = 2, k = 1: 2.5 - (1·½·1 + 1·½ + 1·½) = 1;   k = 2: -1
    # -½ (log σ(3) + log σ(-3)) = ½ (.048587 + 3.048587) = 1.548587; -½ (log σ(1) + log σ(-1)) = ½ (.313262 + 1.313262) = .813262;
    # entropy term: mean of -π log π = ½ log 2 = .346574, × .1 = .034657
    objective = discovery(num_relations=2, hidden_size=1, num_items=3, max_length=1)
    encoder = MeanOfItems(3, hidden_size=1)
    with torch.no_grad():
        encoder.table[1:] = torch.tensor([[2.0], [1.0], [-1.0]])
        assert objective.relation_embedding is not None
        objective.relation_embedding.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        for layer in (objective.relate_past, objective.relate_next):
            layer.weight.zero_()
        objective.relate_past.bias.zero_()
    batch = rows([[0, 0, 0, 1]], [2])
    found = {round(drive(objective, batch, encoder)[1].item(), 4) for _ in range(30)}
    assert found == {1.5832, 0.8479}


def test_padding_takes_no_part() -> None:
    # of 4 items a history of 1, 2 and 3 leaves only 4 to stand for h⁻, so that draws cannot differ
    _, narrow = drive(discovery(num_items=4, max_length=3), rows([[2, 3, 1]], [1]), MeanOfItems(4))
    _, wide = drive(discovery(num_items=4, max_length=3), rows([[0, 2, 3, 1]], [1]), MeanOfItems(4))
    torch.testing.assert_close(narrow, wide)


def encoder_with(relations: torch.Tensor) -> MeanOfItems:
    """Items 1..12 of width 4, and these relations."""
    return MeanOfItems(12, tables={"relations": relations})


def test_an_item_must_be_left_for_the_place_of_another() -> None:
    with pytest.raises(ValueError, match="a sequence of up to 4 may hold all 4 items"):
        discovery(num_items=4)


@pytest.mark.parametrize(("hidden_size", "has"), [(7, 7), (None, 64)])
def test_own_relations_must_be_as_wide_as_items(hidden_size: int | None, has: int) -> None:
    with pytest.raises(PluginError, match=f"relation_discovery has hidden_size = {has}, .* 4 wide; set its hidden_size to 4 too"):
        drive(discovery(hidden_size=hidden_size), rows([[0, 1, 2, 3]], [4]), MeanOfItems(12))


def test_relations_of_the_backbone_are_taken_and_learn() -> None:
    relations = torch.randn(3, 4, generator=torch.Generator().manual_seed(5)).requires_grad_()
    objective = discovery(relations="backbone", hidden_size=None)
    assert objective.relation_embedding is None
    _, term = drive(objective, rows([[0, 1, 2, 3]], [4]), encoder_with(relations))
    torch.autograd.backward(term)
    assert relations.grad is not None
    assert bool(relations.grad.any())


def test_relations_of_the_backbone_must_be_as_asked_for() -> None:
    batch = rows([[0, 1, 2, 3]], [4])
    with pytest.raises(PluginError, match="relation_discovery has hidden_size = 7, .* set its hidden_size to 4 too"):
        drive(discovery(relations="backbone", hidden_size=7), batch, encoder_with(torch.zeros(3, 4)))
    with pytest.raises(ValueError, match="num_relations = 3, but the backbone has 5 relations"):
        drive(discovery(relations="backbone", hidden_size=None), batch, encoder_with(torch.zeros(5, 4)))


def test_texts_get_no_gradient_and_every_parameter_does() -> None:
    objective = discovery()
    _, term = drive(objective, rows([[0, 1, 2, 3], [5, 6, 7, 8]], [4, 9]), MeanOfItems(12))
    torch.autograd.backward(term)
    assert not objective.item_vectors.requires_grad
    assert [name for name, parameter in objective.named_parameters() if parameter.grad is None] == []
