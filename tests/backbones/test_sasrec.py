"""SASRec against its contract, hand-computed values and a plain implementation from torch's own modules."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from sracl.backbones.packing import Packing
from sracl.backbones.sasrec import SASRec
from sracl.backbones.transformer import Attention, FeedForward
from sracl.contracts.backbone import NUM_ITEMS, BackboneContract, sequences
from sracl.interfaces import MaskMode, SequenceSpec


class TestSASRec(BackboneContract):
    def make(self, spec: SequenceSpec) -> SASRec:
        return SASRec(spec, hidden_size=8, inner_size=16)


def test_parameter_count_of_beauty() -> None:
    # table (12101 + 1) · 64, positions 20 · 64, norm 128, two layers of 4 · 4160 + 33088 + 256 = 49984
    model = SASRec(SequenceSpec(num_items=12101, max_length=20))
    assert sum(parameter.numel() for parameter in model.parameters()) == 12102 * 64 + 1280 + 128 + 2 * 49984


def test_padding_row_is_zero_and_stays_so_under_training() -> None:
    model = SASRec(SequenceSpec(NUM_ITEMS, 7), hidden_size=8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    items, lengths = sequences([2, 7, 1])
    for _ in range(3):
        optimizer.zero_grad()
        model.score(model.encode(items, lengths)).square().mean().backward()
        optimizer.step()
    assert (model.item_embedding.weight[0] == 0).all()


def test_content_of_the_padding_row_is_inert() -> None:
    model = SASRec(SequenceSpec(NUM_ITEMS, 7), hidden_size=8).eval()
    items, lengths = sequences([5, 6, 1])  # lengths of 5 and 6 share a group, so that one of them carries padding
    before = model.encode(items, lengths)
    with torch.no_grad():
        model.item_embedding.weight[0] = 9.0
    torch.testing.assert_close(model.encode(items, lengths), before)


def test_only_the_last_items_of_a_long_history_count() -> None:
    model = SASRec(SequenceSpec(NUM_ITEMS, 7), hidden_size=8).eval()
    items, lengths = sequences([7])
    assert model.encode(items[:, -7:], lengths).shape == (1, 8)
    with pytest.raises(ValueError, match="multiple of num_heads"):
        SASRec(SequenceSpec(NUM_ITEMS, 7), hidden_size=9, num_heads=2)


def test_causal_attention_by_hand() -> None:
    # d = 2, one head, q = k = v = identity, scale 1/√2. Row 1 sees itself: (1, 0). Row 2 weighs (0, 1) with
    # e^{1/√2} against e^0: 2.028115 / 3.028115 = .669762, and (1, 0) with the rest, .330238.
    attention = Attention(2, num_heads=1, dropout=0.0, attention_dropout=0.0)
    with torch.no_grad():
        attention.query.weight.copy_(torch.eye(2))
        attention.key_value.weight.copy_(torch.eye(2).repeat(2, 1))
        attention.output.weight.copy_(torch.eye(2))
        for part in (attention.query, attention.key_value, attention.output):
            part.bias.zero_()
    attention.norm = nn.Identity()  # type: ignore[assignment]
    packing = Packing(torch.tensor([[1, 2]]), torch.tensor([2]))
    x = torch.eye(2)
    mixed = attention(x, packing, packing.biases(causal=True), None) - x
    torch.testing.assert_close(mixed, torch.tensor([[1.0, 0.0], [0.330238, 0.669762]]), atol=1e-5, rtol=0)


def test_gelu_is_the_exact_one() -> None:
    # Φ(1) = .841345; the tanh approximation gives .841192
    assert math.isclose(torch.nn.functional.gelu(torch.tensor(1.0)).item(), 0.841345, abs_tol=1e-6)


@pytest.mark.parametrize("mask", ["causal", "bidirectional"])
def test_agrees_with_a_plain_implementation_in_states_and_gradients(mask: MaskMode) -> None:
    """Padded to L, every position of every layer, torch's own modules: packing and last-position shortcuts change nothing."""
    torch.manual_seed(1)
    spec = SequenceSpec(NUM_ITEMS, 12)
    model = SASRec(spec, hidden_size=8, inner_size=16, dropout=0.0, attention_dropout=0.0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        model.item_embedding.weight[0] = 0
    items, lengths = sequences([1, 12, 5, 6, 2, 9, 3, 11, 4, 7], length=12)

    real = items != 0
    allowed = real[:, None, :] & torch.ones(12, 12, dtype=torch.bool)
    if mask == "causal":
        allowed = allowed & torch.ones(12, 12).tril().bool()
    allowed = (allowed | torch.eye(12, dtype=torch.bool))[:, None]

    def plain() -> torch.Tensor:
        x: torch.Tensor = model.norm(model.item_embedding(items) + model.position_embedding.weight)
        for attention, feed_forward in zip(model.encoder.attention, model.encoder.feed_forward, strict=True):
            assert isinstance(attention, Attention) and isinstance(feed_forward, FeedForward)
            q, k, v = (part.view(10, 12, 2, 4).transpose(1, 2) for part in (attention.query(x), *attention.key_value(x).chunk(2, dim=-1)))
            mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).reshape(10, 12, 8)
            x = attention.norm(x + attention.output(mixed))
            x = feed_forward.norm(x + feed_forward.outer(nn.functional.gelu(feed_forward.inner(x))))
        return x[:, -1]

    def packed() -> torch.Tensor:
        return model.encode(items, lengths, mask=mask)

    direction = torch.randn(10, 8)
    gradients = []
    states = []
    for encode in (plain, packed):
        model.zero_grad()
        state = encode()
        (state * direction).sum().backward()
        states.append(state.detach())
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None})
    torch.testing.assert_close(states[0], states[1], atol=1e-5, rtol=1e-5)
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, atol=1e-4, rtol=1e-4)


def test_learns_64_users_by_heart() -> None:
    torch.manual_seed(0)
    spec = SequenceSpec(num_items=100, max_length=10)
    model = SASRec(spec, hidden_size=32, inner_size=64, dropout=0.0, attention_dropout=0.0)
    items = torch.randint(1, 101, (64, 10))
    lengths = torch.full((64,), 10)
    targets = torch.randint(0, 100, (64,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(150):
        loss = nn.functional.cross_entropy(model.score(model.encode(items, lengths)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1  # log 100 = 4.6 at the start
