from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch

from sracl.backbones.lrd import LRD
from sracl.data.attributes import ItemAttributes
from sracl.engine.step import Weighted, training_loss
from sracl.interfaces import SequenceSpec
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


def test_partners_share_the_value_are_another_item_and_equally_likely() -> None:
    category, brand = relations().holders
    generator = torch.Generator().manual_seed(0)
    drawn = Counter(category(torch.full((6000,), 2), generator).tolist())
    assert set(drawn) == {1, 3}
    assert abs(drawn[1] - 3000) < 5 * 39  # (6000 / 4)^½
    assert brand(torch.tensor([4, 5, 6, 1]), generator).tolist() == [5, 4, 0, 0]


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
