from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sracl.backbones import lrd
from sracl.backbones.lrd import LRD
from sracl.contracts.backbone import sequences
from sracl.interfaces import SequenceSpec
from tests.objectives.test_attribute_relations import ATTRIBUTES, SPEC


def made(*, num_layers: int = 1, num_latent: int = 2) -> LRD:
    torch.manual_seed(0)
    backbone = LRD(SPEC, ATTRIBUTES, hidden_size=8, num_layers=num_layers, num_heads=2, num_latent=num_latent)
    for parameter in backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    with torch.no_grad():
        for table in (backbone.item_embedding, backbone.value_embedding, backbone.item_bias):
            table.weight[0].zero_()
    return backbone.eval()


def histories() -> tuple[Tensor, Tensor]:
    return torch.tensor([[0, 0, 0, 2], [0, 1, 4, 6], [3, 5, 2, 1]]), torch.tensor([1, 3, 4])


def test_the_score_by_the_equations_one_pair_at_a_time() -> None:
    backbone = made(num_layers=0)
    items, lengths = histories()
    scores = backbone.score(backbone.encode(items, lengths), users=torch.tensor([0, 1, 2]))
    e, r, v = backbone.item_embedding.weight, backbone.relation_embedding.weight, backbone.value_embedding.weight
    p, b = backbone.user_embedding.weight, backbone.item_bias.weight[:, 0]
    for row, history in enumerate(items.tolist()):
        past = e[[item for item in history if item]]
        for candidate in range(1, 7):
            contexts = []
            for k in range(5):  # 1 + 2 attribute relations + 2 latent
                value = v[int(ATTRIBUTES.single[candidate, k - 1])] if k in (1, 2) else torch.zeros(8)
                weights = (past @ ((r[k] + value) * e[candidate])).softmax(0)
                contexts.append(weights @ past)
            z = torch.stack(contexts).mean(0)
            expected = (p[row] + z) @ e[candidate] + b[candidate]
            torch.testing.assert_close(scores[row, candidate - 1], expected, atol=1e-5, rtol=1e-5)


def test_a_layer_by_hand() -> None:
    # Queries and keys are 0, so that every context attends to both alike; the value is the context, W_inner = 1, W_outer swaps.
    #   contexts (4, 0), (0, 2); attended: their mean (2, 1); with residual (6, 1), (2, 3); norm: y = (1, -1), (-1, 1)
    #   fed: relu gives (1, 0), (0, 1); swapped (0, 1), (1, 0); with residual (1, 0), (0, 1); norm: (1, -1), (-1, 1)
    # Without the first residual both rows would be alike; without the second, signs would turn; norms give ±1 but for ε.
    layer = lrd._Layer(2, 1, 0.0)
    with torch.no_grad():
        for parameter in (*layer.query_key_value.parameters(), layer.inner.bias, layer.outer.bias):
            parameter.zero_()
        layer.query_key_value.weight[4:] = torch.eye(2)
        layer.inner.weight.copy_(torch.eye(2))
        layer.outer.weight.copy_(torch.eye(2).flip(0))
    expected = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]])
    torch.testing.assert_close(layer(torch.tensor([[[4.0, 0.0], [0.0, 2.0]]])), expected, atol=1e-4, rtol=0)


def test_blocks_lists_and_lists_of_each_row_score_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, users = made(), torch.tensor([2, 0, 1])
    states = backbone.encode(*histories())
    every = backbone.score(states, users=users)
    assert every.shape == (3, 6)
    monkeypatch.setitem(lrd._HELD, "cpu", 1)  # one candidate at a time
    torch.testing.assert_close(backbone.score(states, users=users), every)
    candidates = torch.tensor([5, 1])
    torch.testing.assert_close(backbone.score(states, users=users, candidates=candidates), every[:, [4, 0]])
    own = torch.tensor([[5, 1], [2, 3], [6, 6]])
    torch.testing.assert_close(backbone.score(states, users=users, candidates=own), every.gather(1, own - 1))


@pytest.mark.parametrize("held", [2**22, 1])
@pytest.mark.parametrize("spread", [1.0, 40.0])  # with 40, most exponentials are 0 beside the largest of their column
def test_a_ranking_without_gradients_scores_as_one_with_them(held: int, spread: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lrd._HELD, "cpu", held)
    backbone, users = made(num_layers=0), torch.tensor([2, 0, 1, 1])
    with torch.no_grad():
        backbone.item_embedding.weight[:] *= spread
    items = torch.tensor([[0, 0, 0, 2], [0, 1, 4, 6], [3, 5, 2, 1], [0, 6, 6, 1]])  # one twice in a history, some in several
    states = backbone.encode(items, torch.tensor([1, 3, 4, 3]))
    expected = backbone.score(states, users=users)
    assert expected.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(backbone.score(states, users=users), expected.detach(), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(backbone.score(states[1:2]), backbone.score(states)[1:2], atol=1e-4, rtol=1e-4)


def test_a_ranking_that_cannot_share_holds_no_more_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, held = made(num_layers=0), []
    with torch.no_grad():
        backbone.item_embedding.weight[:] *= 40
    items = torch.arange(1, 7).repeat(20)[:, None].expand(-1, 4)  # 120 rows of one item each: what shares holds 6 of 480 places
    states = backbone.encode(items, torch.full((120,), 4))
    score = LRD._score

    def counted(self: LRD, history: Tensor, users: Tensor | None, candidates: Tensor) -> Tensor:
        held.append(history.numel() * len(candidates) * self.num_relations)
        return score(self, history, users, candidates)

    monkeypatch.setattr(LRD, "_score", counted)
    monkeypatch.setitem(lrd._HELD, "cpu", items.numel() * backbone.num_relations * 2)
    with torch.no_grad():
        backbone.score(states)
    assert held
    assert max(held) <= lrd._HELD["cpu"]


def test_padding_and_trimming_change_nothing_and_order_does_not_matter() -> None:
    backbone = made()
    items, lengths = histories()
    scores = backbone.score(backbone.encode(items, lengths))
    torch.testing.assert_close(backbone.score(backbone.encode(items[:2, -3:], lengths[:2])), scores[:2])
    # a history is a set here: RCF has no positions
    torch.testing.assert_close(backbone.score(backbone.encode(items[2:].flip(1), lengths[2:])), scores[2:])


def test_without_a_user_nothing_is_known_of_one() -> None:
    backbone = made()
    states = backbone.encode(*histories())
    with torch.no_grad():
        backbone.user_embedding.weight.zero_()
    torch.testing.assert_close(backbone.score(states, users=torch.tensor([0, 1, 2])), backbone.score(states))


def test_gradients_reach_every_parameter() -> None:
    backbone = made()
    scores = backbone.score(backbone.encode(*histories()), users=torch.tensor([0, 1, 2]))
    torch.nn.functional.cross_entropy(scores, torch.tensor([0, 1, 3])).backward()
    assert [name for name, parameter in backbone.named_parameters() if parameter.grad is None] == []


def test_what_it_does_not_have_is_said() -> None:
    backbone = made()
    with pytest.raises(ValueError, match="lrd has no states"):
        backbone.encode(*histories(), want="all")
    with pytest.raises(ValueError, match="vectors of relations and values, and none of users"):
        backbone.table("users")
    assert backbone.table("relations").shape == (5, 8)
    with pytest.raises(ValueError, match="multiple of num_heads"):
        LRD(SPEC, ATTRIBUTES, hidden_size=8, num_heads=3)


def test_histories_survive_as_numbers() -> None:
    backbone = LRD(SequenceSpec(30, 7, num_users=2), ATTRIBUTES_OF_30, hidden_size=8)
    items, lengths = sequences([7, 2, 5])
    assert torch.equal(backbone.encode(items, lengths).long(), items)


ATTRIBUTES_OF_30 = type(ATTRIBUTES)(
    names=ATTRIBUTES.names, sets=ATTRIBUTES.sets.repeat(5, 0)[:31], single=ATTRIBUTES.single.repeat(5, 0)[:31]
)
