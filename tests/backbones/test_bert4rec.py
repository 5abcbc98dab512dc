"""BERT4Rec against its contract, SASRec's layers, and what the Cloze task asks of it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from sracl.backbones.bert4rec import BERT4Rec
from sracl.backbones.sasrec import SASRec
from sracl.contracts.backbone import LENGTH, NUM_ITEMS, BackboneContract, sequences
from sracl.data.samples import SequenceTable
from sracl.evaluation.ranking import rank
from sracl.interfaces import SequenceSpec
from sracl.losses.cross_entropy import cross_entropy

SPEC = SequenceSpec(NUM_ITEMS, LENGTH, has_mask=True)
MASK = NUM_ITEMS + 1


def small(spec: SequenceSpec = SPEC, *, dropout: float = 0.0) -> BERT4Rec:
    """A BERT4Rec of which every parameter but the bias is far from where it begins."""
    torch.manual_seed(1)
    model = BERT4Rec(spec, spec.num_items + 1, hidden_size=8, inner_size=16, dropout=dropout, attention_dropout=dropout)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name != "item_bias":
                parameter.add_(0.3 * torch.randn_like(parameter))
        model.item_embedding.weight[0] = 0
    return model


class TestBERT4Rec(BackboneContract):
    causal = False

    def make(self, spec: SequenceSpec) -> BERT4Rec:
        return small(replace(spec, has_mask=True), dropout=0.2)


def test_parameter_count_of_beauty() -> None:
    # SASRec with a MASK, 875904 + 64; head 64 · 64 + 64 and its norm 128; a bias for each of 12101 items
    model = BERT4Rec(SequenceSpec(num_items=12101, max_length=20, has_mask=True), 12102)
    assert sum(parameter.numel() for parameter in model.parameters()) == 875968 + 4160 + 128 + 12101


def test_begins_with_small_weights_and_no_biases() -> None:
    torch.manual_seed(0)
    model = BERT4Rec(SequenceSpec(999, 20, has_mask=True), 1000)
    # 64000 draws of standard deviation .02: that of their own is off by .02 / (2 · 64000)^½ = .00006; four of them
    assert model.item_embedding.weight[1:].std().item() == pytest.approx(0.02, abs=0.00024)
    assert not model.item_embedding.weight[0].any()
    assert not model.item_bias.any()
    # logits u · E_j of standard deviation √64 · .02 = .16: the loss of a guess is log V + .16² / 2 = 6.9068 + .0128
    loss = cross_entropy(model.eval().encode(*sequences([7, 3, 1, 5] * 16)), model.item_table(), torch.arange(1, 65))
    assert loss.item() == pytest.approx(math.log(999) + 0.0128, abs=0.08)  # own logit: .16 / 64^½ = .02; four of them


def test_states_are_those_of_sasrec_in_both_directions_behind_a_head() -> None:
    model, sasrec = small().eval(), SASRec(SPEC, hidden_size=8, inner_size=16).eval()
    sasrec.load_state_dict({name: value for name, value in model.state_dict().items() if not name.startswith(("head.", "item_bias"))})
    items, lengths = sequences([7, 2, 5, 6, 1])
    linear, _, norm = model.head
    z = sasrec.encode(items, lengths, mask="bidirectional", want="all")
    u = norm(nn.functional.gelu(linear(z)))
    states = model.encode(items, lengths, want="all")
    real = items != 0
    torch.testing.assert_close(states[..., :8][real], u[real])
    assert torch.equal(states[..., 8], real.float())  # the column that the bias stands against; 0 at padding
    torch.testing.assert_close(model.encode(items, lengths), states[:, -1], atol=1e-6, rtol=1e-5)


def test_a_score_is_a_dot_product_and_a_bias() -> None:
    model = small().eval()
    with torch.no_grad():
        model.item_bias.normal_()
    states = model.encode(*sequences([4, 7]))
    expected = states[:, :8] @ model.item_embedding.weight[1:MASK].T + model.item_bias
    torch.testing.assert_close(model.score(states), expected)
    own = torch.tensor([[5, 1], [30, 2]])
    torch.testing.assert_close(model.score(states, candidates=own), expected.gather(1, own - 1))
    assert model.item_table().shape == (NUM_ITEMS + 1, 9)
    assert not model.item_table()[0].any()


def test_the_bias_learns_how_often_items_are_chosen() -> None:
    model = small().eval()
    cross_entropy(model.encode(*sequences([4, 7])), model.item_table(), torch.tensor([3, 3])).backward()
    gradient = model.item_bias.grad
    assert gradient is not None
    # softmax minus one-hot, a mean over rows: below 0 for the target alone, and 0 in sum
    assert (gradient < 0).nonzero()[:, 0].tolist() == [3 - 1]
    assert gradient.sum().item() == pytest.approx(0, abs=1e-6)


def test_a_later_item_changes_all_states_before_it() -> None:
    model = small().eval()
    items, lengths = sequences([7, 5])
    changed = items.clone()
    changed[:, 4] = items[:, 4] % NUM_ITEMS + 1
    before, after = (model.encode(version, lengths, want="all") for version in (items, changed))
    differs = (before != after).any(2)
    assert torch.equal(differs, items != 0)


def test_causal_states_are_refused() -> None:
    with pytest.raises(ValueError, match='bert4rec .* mask "bidirectional" alone, got "causal"'):
        small().encode(*sequences([3, 2]), mask="causal")


def test_heads_divide_the_width() -> None:
    with pytest.raises(ValueError, match="multiple of num_heads"):
        BERT4Rec(SPEC, MASK, hidden_size=9, num_heads=2)


def history(length: int) -> SequenceTable:
    """A user who has chosen 1, 2, …, length and is to choose length + 1; L = 20."""
    zero = torch.zeros(1, dtype=torch.int64)
    stop = torch.tensor([length])
    return SequenceTable(torch.arange(1, length + 2), zero, stop, max_length=20, users=zero, targets=stop + 1)


@pytest.mark.parametrize(("length", "kept"), [(1, [1]), (18, list(range(1, 19))), (19, list(range(1, 20))), (25, list(range(7, 26)))])
def test_what_follows_is_asked_for_behind_the_last_19_items(length: int, kept: list[int]) -> None:
    model = BERT4Rec(SequenceSpec(NUM_ITEMS, 20, has_mask=True), MASK)
    items, lengths = model.prepare(*history(length).gather(torch.tensor([0])))
    assert items.tolist() == [[0] * (19 - len(kept)) + kept + [MASK]]
    assert lengths.tolist() == [len(kept) + 1]


def test_a_trimmed_history_is_asked_in_a_trimmed_window() -> None:
    model = small()
    items, lengths = model.prepare(torch.tensor([[0, 4], [5, 6]]), torch.tensor([1, 2]))
    assert items.tolist() == [[0, 4, MASK], [5, 6, MASK]]
    assert lengths.tolist() == [2, 3]


def test_neither_mask_nor_padding_is_recommended() -> None:
    model = small(SequenceSpec(NUM_ITEMS, 20, has_mask=True)).eval()
    table = history(25)
    with torch.no_grad():
        states = model.encode(*model.prepare(*table.gather(torch.tensor([0]))))
        before = model.score(states)
        assert before.shape == (1, NUM_ITEMS)  # items 1 to V, and no other
        model.item_embedding.weight[[0, MASK]] = 1e3 * states[0, :8]  # what would stand before every item, were it one
        assert torch.equal(model.score(states), before)
        ranks = rank(model, table, torch.arange(1, 26)[None])
        assert 1 <= int(ranks.keep) <= NUM_ITEMS
        assert 1 <= int(ranks.exclude) <= NUM_ITEMS - 25


def test_where_the_host_would_have_to_wait_shapes_do_not_depend_on_lengths() -> None:
    # tensors of the device `meta` have no values: whatever asks for one raises
    with torch.device("meta"):
        model = BERT4Rec(SPEC, MASK)
        items = torch.zeros(6, 5, dtype=torch.int64)
    prepared, lengths = model.prepare(items, items.sum(1))
    states = model.encode(prepared, lengths, want="all")
    states.sum().backward()
    assert states.shape == (6, 6, 65)


def trained(model: BERT4Rec, items: Tensor, targets: Tensor, steps: int) -> float:
    """The loss after so many steps on what follows these histories."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    lengths = torch.full((len(items),), items.shape[1])
    for _ in range(steps):
        loss = cross_entropy(model.encode(*model.prepare(items, lengths)), model.item_table(), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_learns_64_users_by_heart() -> None:
    torch.manual_seed(0)
    model = BERT4Rec(SequenceSpec(100, 10, has_mask=True), 101, hidden_size=32, inner_size=64, dropout=0.0, attention_dropout=0.0)
    assert trained(model, torch.randint(1, 101, (64, 9)), torch.randint(1, 101, (64,)), steps=120) < 0.1  # log 100 = 4.6 at the start
    assert (model.item_embedding.weight[0] == 0).all()
