from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from sracl.backbones.lrd import LRD
from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.data.attributes import ItemAttributes
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import Batch, Objective, SequenceSpec
from sracl.objectives.attribute_relations import AttributeRelations
from tests.objectives.test_pairwise_ranking import rows

# items 1, 2, 3 are of category 1; 4 and 5 of brand 2; 6 has a brand of its own, 3
ATTRIBUTES = ItemAttributes(
    names=("category: pens", "brand: acme", "brand: solo"),
    sets=np.array([[0], [1], [1], [1], [2], [2], [3]]),
    single=np.array([[0, 0], [1, 0], [1, 0], [1, 0], [0, 2], [0, 2], [0, 3]]),
)
SPEC = SequenceSpec(6, 4, num_users=3)


def relations() -> AttributeRelations:
    return AttributeRelations(SPEC, ATTRIBUTES, torch.Generator().manual_seed(0))


def term(objective: AttributeRelations, targets: list[int]) -> torch.Tensor:
    torch.manual_seed(0)
    backbone = LRD(SPEC, ATTRIBUTES, hidden_size=8)
    batch = rows([[0, 0, 0, 1]] * len(targets), targets)
    return training_loss(backbone, [Weighted("known", 1.0, objective)], batch)[0]


class TestAttributeRelations(ObjectiveContract):
    num_items = 6

    def objective(self) -> Objective:
        return relations()

    def batch(self) -> Batch:
        return rows([[0, 1, 2, 3], [0, 0, 4, 5], [1, 2, 3, 4]], [1, 4, 6])

    def encoder(self) -> MeanOfItems:
        draw = torch.Generator().manual_seed(1)
        tables = {"relations": torch.randn(3, 4, generator=draw), "values": torch.randn(4, 4, generator=draw)}
        return MeanOfItems(self.num_items, tables=tables)


@pytest.mark.parametrize("relation", [1, 2])
def test_a_triple_with_either_side_replaced_by_each_item(relation: int) -> None:
    # Items 1 and 2 share value 1 of the relation, so that target 1 gives the triple (1, k, 2) alone. r + v = (1, -1) + (0, 3) = (1, 2),
    # e_1 = (1, 1), e_2 = (2, 0), e_3 = (-1, 0): s(1, 2) = 2. What may stand for s⁻, and -log σ(2 - s⁻):
    #   head: s(1, 2) = 2: .693147;  s(2, 2) = 4: 2.126928;  s(3, 2) = -2: .018150
    #   tail: s(1, 1) = 3: 1.313262;  s(1, 2) = 2: .693147;  s(1, 3) = -1: .048587
    # each of the six as likely, so that of 600 draws the first is found 200 times, with a deviation of (600 · 1/3 · 2/3)^½ = 11.5,
    # and the others 100 times, with one of (600 · 1/6 · 5/6)^½ = 9.1.
    single = np.zeros((4, 2), dtype=np.int64)
    single[1:3, relation - 1] = 1
    attributes = ItemAttributes(names=("value",), sets=np.array([[0], [1], [1], [0]]), single=single)
    of_relations = torch.full((4, 2), 50.0)
    of_relations[relation] = torch.tensor([1.0, -1.0])
    encoder = MeanOfItems(3, 2, tables={"relations": of_relations, "values": torch.tensor([[0.0, 0.0], [0.0, 3.0]])})
    with torch.no_grad():
        encoder.table[1:] = torch.tensor([[1.0, 1.0], [2.0, 0.0], [-1.0, 0.0]])
    objective = AttributeRelations(SequenceSpec(3, 4), attributes, torch.Generator().manual_seed(0))
    batch = rows([[0, 0, 0, 3]], [1])
    found = Counter(round(drive(objective, batch, encoder)[1].item(), 4) for _ in range(600))
    assert set(found) == {0.6931, 2.1269, 0.0181, 1.3133, 0.0486}
    assert abs(found[0.6931] - 200) < 5 * 11.5
    assert all(abs(found[value] - 100) < 5 * 9.1 for value in (2.1269, 0.0181, 1.3133, 0.0486))


def test_partners_share_the_value_are_another_item_and_equally_likely() -> None:
    category, brand = relations().partners
    generator = torch.Generator().manual_seed(0)
    drawn = Counter(category.draw(torch.full((6000,), 2), generator).tolist())
    assert set(drawn) == {1, 3}
    assert abs(drawn[1] - 3000) < 5 * 39  # (6000 / 4)^½
    assert brand.draw(torch.tensor([4, 5, 6, 1, 2]), generator).tolist() == [5, 4, 6, 1, 2]  # itself: none


def test_items_without_a_partner_give_no_triple() -> None:
    assert term(relations(), [6, 6]).item() == 0
    # vectors drawn from N(0, .02²) give scores near 0: log 2 for the one triple of each of the others
    assert term(relations(), [1, 4, 6]).item() == pytest.approx(0.693147, abs=1e-3)


def test_values_and_relations_learn() -> None:
    torch.manual_seed(0)
    backbone = LRD(SPEC, ATTRIBUTES, hidden_size=8)
    batch = rows([[0, 0, 0, 1]] * 2, [2, 5])
    loss, _ = training_loss(backbone, [Weighted("known", 1.0, relations())], batch)
    torch.autograd.backward(loss)
    for table in (backbone.relation_embedding, backbone.value_embedding, backbone.item_embedding):
        assert table.weight.grad is not None
        assert bool(table.weight.grad.any())


def test_a_data_set_without_attributes_is_refused() -> None:
    nothing = ItemAttributes(names=(), sets=np.zeros((7, 1), dtype=np.int64), single=np.zeros((7, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="no two items of this data set share"):
        AttributeRelations(SPEC, nothing, torch.Generator())
