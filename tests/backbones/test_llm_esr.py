"""LLM-ESR against its contract, values by hand, and a plain implementation from torch's own modules."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sracl.backbones.llm_esr import LLMESR
from sracl.backbones.principal_components import principal_components
from sracl.backbones.transformer import Attention, FeedForward
from sracl.contracts.backbone import NUM_ITEMS, BackboneContract, sequences
from sracl.interfaces import MaskMode, SequenceSpec

UNKNOWN = 4
"""An item without a text."""


def vectors(width: int = 10, *, num_items: int = NUM_ITEMS) -> Tensor:
    """Vectors of texts, float [V + 1, width], zero for padding and for one item."""
    result = torch.randn(num_items + 1, width, generator=torch.Generator().manual_seed(5))
    result[[0, UNKNOWN]] = 0
    return result


def small(spec: SequenceSpec, *, dropout: float = 0.0) -> LLMESR:
    """An LLM-ESR of which every parameter is far from where it begins."""
    model = LLMESR(spec, vectors(), hidden_size=8, inner_size=16, dropout=dropout, attention_dropout=dropout)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        model.item_embedding.weight[0] = 0
    return model


class TestLLMESR(BackboneContract):
    def make(self, spec: SequenceSpec) -> LLMESR:
        return small(spec, dropout=0.2)


def test_parameter_count_of_beauty() -> None:
    # table 12102 · 64, positions 20 · 64, cross-attention 6 · 64² + 2 · (64² + 64), adapter 64 · 128 + 64 · 64, and two layers of
    # 49984 as SASRec's; the texts' vectors, 12102 · 128, are no parameters
    model = LLMESR(SequenceSpec(num_items=12101, max_length=20), vectors(128, num_items=12101))
    expected = 12102 * 64 + 1280 + 6 * 4096 + 2 * 4160 + 8192 + 4096 + 2 * 49984
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    assert "item_vectors" in model.state_dict()


def test_adapter_by_hand() -> None:
    # A₁ = (1 2; 0 1), A₂ = (1 1; 2 0), q = (3, 4): A₁ q = (11, 4), A₂ A₁ q = (15, 22)
    model = LLMESR(SequenceSpec(1, 5), torch.tensor([[0.0, 0.0], [3.0, 4.0]]), hidden_size=2, adapter_size=2)
    with torch.no_grad():
        model.to_middle.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 1.0]]))
        model.to_hidden.weight.copy_(torch.tensor([[1.0, 1.0], [2.0, 0.0]]))
    assert model.item_table()[1, 2:].tolist() == [15.0, 22.0]


def test_the_product_of_the_adapter_equals_its_two_layers() -> None:
    torch.manual_seed(1)
    model = small(SequenceSpec(NUM_ITEMS, 7))
    assert model.to_middle.weight.shape == (5, 10)  # half of the texts' width
    layered = model.to_hidden(model.to_middle(model.item_vectors))
    torch.testing.assert_close(model.item_table()[:, 8:], layered)


def test_an_item_is_its_collaborative_vector_beside_its_semantic_one() -> None:
    torch.manual_seed(1)
    model = small(SequenceSpec(NUM_ITEMS, 7)).eval()
    table = model.item_table()
    assert table.shape == (NUM_ITEMS + 1, 16)
    assert torch.equal(table[:, :8], model.item_embedding.weight)
    assert (table[UNKNOWN, 8:] == 0).all() and (table[UNKNOWN, :8] != 0).all()
    states = model.encode(*sequences([3, 6]))
    torch.testing.assert_close(model.score(states), states @ table[1:].T)


def test_padding_row_stays_zero_and_texts_stay_as_they_are_under_training() -> None:
    model = LLMESR(SequenceSpec(NUM_ITEMS, 7), vectors(), hidden_size=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    items, lengths = sequences([2, 7, 1])
    before = model.item_table().detach().clone()
    for _ in range(3):
        optimizer.zero_grad()
        model.score(model.encode(items, lengths)).square().mean().backward()
        optimizer.step()
    after = model.item_table()
    assert (after[0] == 0).all()
    assert torch.equal(model.item_vectors, vectors())
    assert (after != before).any(0).all()


def test_collaborative_vectors_begin_as_principal_components_whatever_the_seed() -> None:
    known = vectors().any(1)
    first, second = (LLMESR(SequenceSpec(NUM_ITEMS, 7), vectors(), hidden_size=8).item_embedding.weight.detach() for _ in range(2))
    assert torch.equal(first[known], second[known])
    assert (first[0] == 0).all()
    assert not torch.equal(first[UNKNOWN], second[UNKNOWN])  # without a text it is drawn
    components = principal_components(vectors()[known], 8)
    torch.testing.assert_close(first[known], components * (0.02 / components.square().mean().sqrt()))


def test_columns_for_which_there_is_no_component_are_drawn() -> None:
    torch.manual_seed(0)
    table = LLMESR(SequenceSpec(2000, 7), vectors(3, num_items=2000), hidden_size=8).item_embedding.weight.detach()
    known = vectors(3, num_items=2000).any(1)
    torch.testing.assert_close(table[known, :3].square().mean().sqrt(), torch.tensor(0.02))
    # 1999 · 5 draws: the estimate of the standard deviation has one of .02 / √(2 · 9995) = 1.4e-4
    assert abs(table[known, 3:].std().item() - 0.02) < 6e-4
    assert abs(torch.corrcoef(table[known, 2:4].T)[0, 1].item()) < 0.1


def plain(model: LLMESR, items: Tensor, mask: MaskMode) -> Tensor:
    """Padded to L, every position of every layer, one view after the other, torch's own functions."""
    real = items != 0
    rows, longest = items.shape
    allowed = real[:, None, :] & torch.ones(longest, longest, dtype=torch.bool)
    if mask == "causal":
        allowed = allowed & torch.ones(longest, longest).tril().bool()
    allowed = (allowed | torch.eye(longest, dtype=torch.bool))[:, None]
    size = model.item_embedding.embedding_dim

    def gather(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        q, k, v = (part.view(rows, longest, heads, size // heads).transpose(1, 2) for part in (q, k, v))
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).reshape(rows, longest, size)

    def encode(x: Tensor) -> Tensor:
        for attention, feed_forward in zip(model.encoder.attention, model.encoder.feed_forward, strict=True):
            assert isinstance(attention, Attention) and isinstance(feed_forward, FeedForward)
            key, value = attention.key_value(x).chunk(2, dim=-1)
            mixed = gather(attention.query(x), key, value, heads=1)
            x = attention.norm(x + attention.output(mixed))
            x = feed_forward.norm(x + feed_forward.outer(functional.gelu(feed_forward.inner(x))))
        return x

    positions = model.position_embedding.weight
    c = math.sqrt(size) * model.item_embedding(items) + positions
    s = math.sqrt(size) * model.to_hidden(model.to_middle(model.item_vectors[items])) + positions
    cross = model.cross_attention
    (key_c, value_c, of_s), (key_s, value_s, of_c) = (part.chunk(3, dim=-1) for part in (cross.first(c), cross.second(s)))
    from_c = cross.first_output(gather(of_c, key_c, value_c, heads=2))
    from_s = cross.second_output(gather(of_s, key_s, value_s, heads=2))
    return torch.cat([encode(from_c), encode(from_s)], dim=-1)


@pytest.mark.parametrize("mask", ["causal", "bidirectional"])
def test_agrees_with_a_plain_implementation_in_states_and_gradients(mask: MaskMode) -> None:
    torch.manual_seed(1)
    model = small(SequenceSpec(NUM_ITEMS, 12))
    items, lengths = sequences([1, 12, 5, 6, 2, 9, 3, 11, 4, 7], length=12)
    direction = torch.randn(10, 16)
    states, gradients = [], []
    for packed in (False, True):
        model.zero_grad()
        state = model.encode(items, lengths, mask=mask) if packed else plain(model, items, mask)[:, -1]
        (state * direction).sum().backward()
        states.append(state.detach())
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None})
    torch.testing.assert_close(states[1], states[0], atol=1e-5, rtol=1e-5)
    assert gradients[0].keys() == dict(model.named_parameters()).keys()
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, atol=1e-4, rtol=1e-4)
    # 19 tokens, to which the adapter is applied; above, they were more than the 31 rows of the table
    torch.testing.assert_close(model.encode(items[:3], lengths[:3], mask=mask), states[0][:3], atol=1e-5, rtol=1e-5)
    every = model.encode(items, lengths, mask=mask, want="all")
    torch.testing.assert_close(every, plain(model, items, mask) * (items != 0)[:, :, None], atol=1e-5, rtol=1e-5)


def test_content_of_padding_is_inert() -> None:
    torch.manual_seed(1)
    model = small(SequenceSpec(NUM_ITEMS, 7)).eval()
    items, lengths = sequences([5, 6, 1])  # lengths of 5 and 6 share a group, so that one of them carries padding
    before = model.encode(items, lengths)
    with torch.no_grad():
        model.item_embedding.weight[0] = 9.0
        model.item_vectors[0] = 9.0
    torch.testing.assert_close(model.encode(items, lengths), before)


def test_saved_weights_need_no_texts() -> None:
    torch.manual_seed(1)
    spec = SequenceSpec(NUM_ITEMS, 7)
    model = small(spec).eval()
    loaded = LLMESR(spec, torch.zeros(NUM_ITEMS + 1, 10), hidden_size=8, inner_size=16).eval()
    items, lengths = sequences([7, 2, 5])
    scores = model.score(model.encode(items, lengths))
    assert not torch.allclose(loaded.score(loaded.encode(items, lengths)), scores)
    loaded.load_state_dict(model.state_dict())
    assert torch.equal(loaded.score(loaded.encode(items, lengths)), scores)


def test_a_mask_stands_in_sequences_and_is_no_item() -> None:
    torch.manual_seed(1)
    model = small(SequenceSpec(NUM_ITEMS, 7, has_mask=True)).eval()
    assert model.item_table().shape == (NUM_ITEMS + 1, 16)
    items, lengths = sequences([7, 3])
    masked = items.clone()
    masked[:, -2] = NUM_ITEMS + 1
    states = model.encode(masked, lengths)
    assert model.score(states).shape == (2, NUM_ITEMS)
    assert not torch.allclose(states, model.encode(items, lengths))


def test_where_the_host_would_have_to_wait_shapes_do_not_depend_on_lengths() -> None:
    # tensors of the device `meta` have no values: whatever asks for one raises
    model = LLMESR(SequenceSpec(NUM_ITEMS, 12), vectors()).to("meta").eval()
    items = torch.zeros(6, 5, dtype=torch.int64, device="meta")
    states = model.encode(items, items.sum(1))
    (states.sum() + model.item_table().sum()).backward()
    assert states.shape == (6, 128)


def test_refuses_widths_and_vectors_that_do_not_fit() -> None:
    spec = SequenceSpec(NUM_ITEMS, 7)
    with pytest.raises(ValueError, match="multiple of num_heads and num_cross_heads"):
        LLMESR(spec, vectors(), hidden_size=9, num_cross_heads=2)
    with pytest.raises(ValueError, match="a vector of padding and one of each item, 31, got 30"):
        LLMESR(spec, vectors()[1:], hidden_size=8)


def test_learns_64_users_by_heart() -> None:
    torch.manual_seed(0)
    spec = SequenceSpec(num_items=100, max_length=10)
    model = LLMESR(spec, vectors(num_items=100), hidden_size=32, inner_size=64, dropout=0.0, attention_dropout=0.0)
    items = torch.randint(1, 101, (64, 10))
    lengths = torch.full((64,), 10)
    targets = torch.randint(0, 100, (64,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        loss = nn.functional.cross_entropy(model.score(model.encode(items, lengths)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05  # log 100 = 4.6 at the start
