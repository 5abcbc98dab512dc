"""BSARec against its contract, SASRec, and a plain implementation with Fourier transforms."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from sracl.backbones.bsarec import BSARec, FilteredAttention
from sracl.backbones.sasrec import SASRec
from sracl.backbones.transformer import Attention, FeedForward
from sracl.contracts.backbone import NUM_ITEMS, BackboneContract, sequences
from sracl.interfaces import SequenceSpec

LENGTHS = [1, 12, 5, 6, 2, 9, 3, 11, 4, 7]
SPEC = SequenceSpec(NUM_ITEMS, 12)


def small(filter_over: str = "real", *, spec: SequenceSpec = SPEC, share: float = 0.7, dropout: float = 0.0) -> BSARec:
    """A BSARec of which every parameter is far from where it begins."""
    torch.manual_seed(1)
    model = BSARec(
        spec,
        hidden_size=8,
        num_heads=2,
        inner_size=16,
        dropout=dropout,
        attention_dropout=dropout,
        filter_share=share,
        cutoff=3,
        filter_over=filter_over,  # type: ignore[arg-type]
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        model.item_embedding.weight[0] = 0
    return model


class TestBSARec(BackboneContract):
    causal = False

    def make(self, spec: SequenceSpec) -> BSARec:
        return small(spec=spec, dropout=0.2)


class TestOverTheWindow(BackboneContract):
    causal = False

    def make(self, spec: SequenceSpec) -> BSARec:
        return small("window", spec=spec, dropout=0.2)


def test_parameter_count_of_beauty() -> None:
    # The authors' training log counts 878208 at L = 50: SASRec's 12102 · 64 + 50 · 64 + 128 + 2 · 49984 = 877824, and per layer a
    # gain of 64 and a norm of 128
    model = BSARec(SequenceSpec(num_items=12101, max_length=50))
    assert sum(parameter.numel() for parameter in model.parameters()) == 878208


def test_without_a_share_of_the_filter_it_is_sasrec() -> None:
    model = small(share=0.0).eval()
    sasrec = SASRec(SPEC, hidden_size=8, num_heads=2, inner_size=16).eval()
    weights = {
        re.sub(r"(attention\.\d)\.attention", r"\1", name): value for name, value in model.state_dict().items() if ".filter." not in name
    }
    sasrec.load_state_dict(weights)
    items, lengths = sequences(LENGTHS, length=12)
    assert torch.equal(model.encode(items, lengths), sasrec.encode(items, lengths))


def plain(model: BSARec, items: Tensor) -> Tensor:
    """Padded to L, every position of every layer, torch's own modules, one transform a row."""
    real = items != 0
    longest = items.shape[1]
    allowed = real[:, None, :] & torch.ones(longest, longest).tril().bool()
    allowed = (allowed | torch.eye(longest, dtype=torch.bool))[:, None]

    def low(x: Tensor) -> Tensor:
        rows = []
        for row, count in zip(x, real.sum(1).tolist(), strict=True):
            start = longest - count if model.filter_over == "real" else 0
            spectrum = torch.fft.rfft(row[start:], dim=0, norm="ortho")
            spectrum = spectrum * (torch.arange(len(spectrum)) <= 1)[:, None]  # c = 3: ⌊3/2⌋ + 1 = 2 frequencies
            rows.append(torch.cat([row[:start], torch.fft.irfft(spectrum, n=longest - start, dim=0, norm="ortho")]))
        return torch.stack(rows)

    x: Tensor = model.norm(model.item_embedding(items) + model.position_embedding.weight)
    for mixed, feed_forward in zip(model.encoder.attention, model.encoder.feed_forward, strict=True):
        assert isinstance(mixed, FilteredAttention) and isinstance(feed_forward, FeedForward)
        attention = mixed.attention
        assert isinstance(attention, Attention)
        q, k, v = (
            part.view(len(x), longest, 2, 4).transpose(1, 2) for part in (attention.query(x), *attention.key_value(x).chunk(2, dim=-1))
        )
        gathered = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=allowed).transpose(1, 2).reshape(x.shape)
        attended = attention.norm(x + attention.output(gathered))
        smooth = low(x)
        filtered = mixed.filter.norm(x + smooth + mixed.filter.root_gain**2 * (x - smooth))
        x = mixed.filter_share * filtered + (1 - mixed.filter_share) * attended
        x = feed_forward.norm(x + feed_forward.outer(nn.functional.gelu(feed_forward.inner(x))))
    return x[:, -1]


@pytest.mark.parametrize("filter_over", ["real", "window"])
def test_agrees_with_a_plain_implementation_in_states_and_gradients(filter_over: str) -> None:
    model = small(filter_over)
    items, lengths = sequences(LENGTHS, length=12)
    direction = torch.randn(len(items), 8)
    states, gradients = [], []
    for fast in (False, True):
        model.zero_grad()
        state = model.encode(items, lengths) if fast else plain(model, items)
        (state * direction).sum().backward()
        states.append(state.detach())
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None})
    torch.testing.assert_close(states[0], states[1], atol=1e-5, rtol=1e-5)
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, atol=1e-4, rtol=1e-4)


def test_both_ways_to_filter_agree_where_there_is_no_padding() -> None:
    real, window = small("real").eval(), small("window").eval()
    full = sequences([12, 12, 12], length=12)
    torch.testing.assert_close(window.encode(*full), real.encode(*full), atol=1e-6, rtol=1e-5)
    short = sequences([7, 9], length=12)
    assert not torch.allclose(window.encode(*short), real.encode(*short), atol=1e-2)


def test_content_of_padding_is_inert() -> None:
    model = small().eval()
    items, lengths = sequences([5, 6, 1], length=12)  # lengths of 5 and 6 share a group, so that one of them carries padding
    before = model.encode(items, lengths)
    with torch.no_grad():
        model.item_embedding.weight[0].normal_()
    torch.testing.assert_close(model.encode(items, lengths), before)


def test_all_states_under_a_causal_mask_are_refused() -> None:
    with pytest.raises(ValueError, match="bsarec's filter lets every position see later items"):
        small().encode(*sequences([3, 2]), want="all")


@pytest.mark.parametrize("filter_over", ["real", "window"])
def test_where_the_host_would_have_to_wait_shapes_do_not_depend_on_lengths(filter_over: str) -> None:
    # tensors of the device `meta` have no values: whatever asks for one raises
    with torch.device("meta"):
        model = BSARec(SPEC, filter_over=filter_over)  # type: ignore[arg-type]
        items = torch.zeros(6, 5, dtype=torch.int64)
    states = model.eval().encode(items, items.sum(1))
    states.sum().backward()
    assert states.shape == (6, 64)


def test_heads_divide_the_width() -> None:
    with pytest.raises(ValueError, match="multiple of num_heads"):
        BSARec(SPEC, hidden_size=9, num_heads=2)
