"""GRU4Rec against its contract, hand-computed values and a plain loop over its equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from sracl.backbones.gru4rec import GRU4Rec
from sracl.contracts.backbone import NUM_ITEMS, BackboneContract, sequences
from sracl.interfaces import SequenceSpec
from sracl.losses.cross_entropy import cross_entropy

SPEC = SequenceSpec(NUM_ITEMS, 7)


class TestGRU4Rec(BackboneContract):
    def make(self, spec: SequenceSpec) -> GRU4Rec:
        return GRU4Rec(spec, hidden_size=8, inner_size=12)


class TestTwoLayers(BackboneContract):
    def make(self, spec: SequenceSpec) -> GRU4Rec:
        return GRU4Rec(spec, hidden_size=8, inner_size=12, num_layers=2)


def test_parameter_count_of_beauty() -> None:
    # table (12101 + 1) · 64, recurrence 3 · 128 · (64 + 128), output 128 · 64 + 64
    model = GRU4Rec(SequenceSpec(num_items=12101, max_length=20))
    assert sum(parameter.numel() for parameter in model.parameters()) == 774528 + 73728 + 8256


def test_begins_with_xavier_values() -> None:
    torch.manual_seed(0)
    model = GRU4Rec(SequenceSpec(num_items=12101, max_length=20))
    # normal for the table, of std √(2 / (12102 + 64)); uniform for the recurrence, [3 · 128, 64] and [3 · 128, 128]
    assert model.item_embedding.weight[1:].std().item() == pytest.approx(0.01282, rel=0.01)
    assert model.item_embedding.weight.abs().max() > 3 * 0.01282
    for weight, width in zip(model.gru.parameters(), (64, 128), strict=True):
        bound = math.sqrt(6 / (3 * 128 + width))
        assert weight.abs().max().item() == pytest.approx(bound, rel=0.01)
        assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_two_steps_by_hand() -> None:
    # all weights 1, inputs 1 and 1, from h = 0: r = z = σ(1) = .731059, g = tanh 1 = .761594, h = (1 − z) g = .204824;
    # then r = z = σ(1.204824) = .769380, g = tanh(1 + r h) = .820262, h = (1 − z) g + z · .204824 = .346753
    model = GRU4Rec(SPEC, hidden_size=1, inner_size=1).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(0.0 if name == "output.bias" else 1.0)
        model.item_embedding.weight[0] = 0
    states = model.encode(torch.tensor([[0, 0, 3, 4]]), torch.tensor([2]), want="all")
    torch.testing.assert_close(states[0, :, 0], torch.tensor([0.0, 0.0, 0.204824, 0.346753]), atol=1e-6, rtol=0)


def test_five_columns_of_padding_change_nothing() -> None:
    model = GRU4Rec(SequenceSpec(NUM_ITEMS, 12), hidden_size=8, inner_size=12).eval()
    items, lengths = sequences([7, 3, 1, 5])
    padded = nn.functional.pad(items, (5, 0))
    torch.testing.assert_close(model.encode(padded, lengths), model.encode(items, lengths), atol=1e-6, rtol=0)


def test_content_of_the_padding_row_is_inert() -> None:
    model = GRU4Rec(SPEC, hidden_size=8, inner_size=12).eval()
    items, lengths = sequences([5, 6, 1])
    before = model.encode(items, lengths, want="all")
    assert (model.item_embedding.weight[0] == 0).all()
    with torch.no_grad():
        model.item_embedding.weight[0] = 9.0
    assert torch.equal(model.encode(items, lengths, want="all"), before)
    torch.testing.assert_close(model.output(model._padded(items, "last")), before[:, -1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("path", ["packed", "padded"])
def test_agrees_with_a_plain_loop_in_states_and_gradients(path: str) -> None:
    """Row by row and item by item, with the equations as they stand; so that both paths agree with one another, too."""
    torch.manual_seed(1)
    model = GRU4Rec(SPEC, hidden_size=4, inner_size=5, dropout=0.0)
    items, lengths = sequences([7, 2, 1, 5, 2])
    input_weights, hidden_weights = model.gru.parameters()

    def plain() -> Tensor:
        last = []
        for row, length in zip(items, lengths.tolist(), strict=True):
            h = torch.zeros(5)
            for item in row[-length:]:
                of_x, of_h = (input_weights @ model.item_embedding(item)).chunk(3), (hidden_weights @ h).chunk(3)
                r, z = torch.sigmoid(of_x[0] + of_h[0]), torch.sigmoid(of_x[1] + of_h[1])
                h = (1 - z) * torch.tanh(of_x[2] + r * of_h[2]) + z * h
            last.append(h)
        return model.output(torch.stack(last))  # type: ignore[no-any-return]

    def fast() -> Tensor:
        return model.encode(items, lengths) if path == "packed" else model.output(model._padded(items, "last"))

    direction = torch.randn(5, 4)
    states, gradients = [], []
    for encode in (plain, fast):
        model.zero_grad()
        state = encode()
        (state * direction).sum().backward()
        states.append(state.detach())
        gradients.append({name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None})
    torch.testing.assert_close(states[0], states[1], atol=1e-6, rtol=1e-5)
    assert len(gradients[0]) == 5
    for name, expected in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("want", ["last", "all"])
def test_where_the_host_would_have_to_wait_shapes_do_not_depend_on_lengths(want: str) -> None:
    # tensors of the device `meta` have no values: whatever asks for one raises
    with torch.device("meta"):
        model = GRU4Rec(SPEC)
        items = torch.zeros(6, 5, dtype=torch.int64)
    states = model.encode(items, items.sum(1), want=want)  # type: ignore[arg-type]
    states.sum().backward()
    assert states.shape == ((6, 64) if want == "last" else (6, 5, 64))


def test_reading_in_both_directions_is_refused() -> None:
    with pytest.raises(ValueError, match='gru4rec .* mask "causal" alone, got "bidirectional"'):
        GRU4Rec(SPEC).encode(*sequences([3, 2]), mask="bidirectional")


def test_mask_has_a_vector_and_is_no_item() -> None:
    model = GRU4Rec(SequenceSpec(NUM_ITEMS, 7, has_mask=True), hidden_size=8).eval()
    states = model.encode(torch.tensor([[1, NUM_ITEMS + 1]]), torch.tensor([2]))
    assert model.score(states).shape == (1, NUM_ITEMS)


def test_begins_at_the_loss_of_a_guess() -> None:
    # Scores are sums of 64 products of a state (|h| < 1, through W of std about 1/√(3 · 128)) with vectors of std
    # √(2 / (1000 + 64)): well below 1, so that the loss is near log V.
    torch.manual_seed(0)
    model = GRU4Rec(SequenceSpec(999, 7)).eval()
    loss = cross_entropy(model.encode(*sequences([7, 3, 1, 5] * 16)), model.item_table(), torch.arange(1, 65))
    assert math.isclose(loss.item(), math.log(999), abs_tol=0.02)


def test_learns_64_users_by_heart() -> None:
    torch.manual_seed(0)
    model = GRU4Rec(SequenceSpec(num_items=100, max_length=10), hidden_size=32, inner_size=64, dropout=0.0)
    items = torch.randint(1, 101, (64, 10))
    lengths = torch.full((64,), 10)
    targets = torch.randint(0, 100, (64,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        loss = nn.functional.cross_entropy(model.score(model.encode(items, lengths)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1  # log 100 = 4.6 at the start
    assert (model.item_embedding.weight[0] == 0).all()
