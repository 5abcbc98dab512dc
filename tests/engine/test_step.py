"""One step: who asks for what, what is encoded together, and what comes back to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from sracl.backbones.sasrec import SASRec
from sracl.contracts.backbone import NUM_ITEMS, sequences
from sracl.engine.step import Weighted, training_loss
from sracl.errors import PluginError
from sracl.interfaces import BATCH, Batch, Request, SequenceSpec, Term, Want

SPEC = SequenceSpec(NUM_ITEMS, 7)


def make_batch(lengths: Sequence[int] = (7, 2, 5, 1)) -> Batch:
    items, count = sequences(list(lengths))
    rows = torch.arange(len(lengths))
    return Batch(samples=rows, users=rows, inputs=items, lengths=count, targets=rows + 1)


class Asks:
    """An objective that asks for given requests and returns the sum of all it gets."""

    def __init__(self, *requests: Request) -> None:
        self.requests = requests
        self.got: dict[str, Tensor] = {}

    def term(self, batch: Batch) -> Term:
        encoded = yield self.requests
        self.got = {request.key: encoded[request.key] for request in self.requests}
        return torch.stack([state.sum() for state in self.got.values()]).sum()


class Counting(SASRec):
    """Remembers what it was asked to encode."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[tuple[int, int, str, str]] = []

    def encode(self, items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        self.calls.append((*items.shape, how["mask"], how["want"]))
        return super().encode(items, lengths, **how)


@pytest.fixture
def backbone() -> Counting:
    torch.manual_seed(0)
    return Counting(SPEC, hidden_size=8, inner_size=16).eval()


def test_encodes_all_requests_of_a_kind_in_one_call_trimmed(backbone: Counting) -> None:
    batch = make_batch((3, 2))
    items, lengths = sequences([4, 1, 1], seed=5)
    objectives = [
        Weighted("a", 1.0, Asks(Request(BATCH, batch.inputs, batch.lengths))),
        Weighted("b", 1.0, Asks(Request("view", items, lengths))),
    ]
    training_loss(backbone, objectives, batch)
    assert backbone.calls == [(5, 4, "causal", "last")]


def test_the_batch_is_encoded_once_for_all_and_private_keys_never_meet(backbone: Counting) -> None:
    batch = make_batch()
    shared = Request(BATCH, batch.inputs, batch.lengths)
    mine = Request("view", batch.inputs, batch.lengths)
    first, second = Asks(shared, mine), Asks(shared, mine)
    backbone.train()
    training_loss(backbone, [Weighted("a", 1.0, first), Weighted("b", 1.0, second)], batch)
    assert [call[0] for call in backbone.calls] == [3 * 4]  # the batch once, and a view of each objective
    assert torch.equal(first.got[BATCH], second.got[BATCH])
    assert not torch.equal(first.got["view"], second.got["view"])  # same items, own dropout: merged by key, never by content
    assert not torch.equal(first.got["view"], first.got[BATCH])


class Scores:
    """An objective that has given candidates scored, and reads vectors of other things than items."""

    def __init__(self, candidates: Tensor) -> None:
        self.candidates = candidates
        self.got = torch.empty(0)

    def term(self, batch: Batch) -> Term:
        encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
        self.got = encoded.score(BATCH, self.candidates, batch.users)
        with pytest.raises(ValueError, match="Counting has vectors of items only, and none of relations"):
            encoded.table("relations")
        return self.got.sum()


@pytest.mark.parametrize("candidates", [[4, 9], [[4, 9], [1, 1], [30, 2], [5, 6]]])
def test_candidates_are_scored_by_the_backbone_with_gradient(backbone: Counting, candidates: list[Any]) -> None:
    batch, asked = make_batch(), Scores(torch.tensor(candidates))
    loss, _ = training_loss(backbone, [Weighted("a", 1.0, asked)], batch)
    states = backbone.encode(batch.inputs, batch.lengths, mask="causal", want="last")
    every = states @ backbone.item_table().T  # [4, V + 1]
    ids = torch.tensor(candidates).expand(4, 2) if asked.candidates.ndim == 1 else asked.candidates
    torch.testing.assert_close(asked.got, every.gather(1, ids))
    loss.backward()
    assert backbone.item_embedding.weight.grad is not None
    assert bool(backbone.item_embedding.weight.grad[asked.candidates.unique()].any(dim=1).all())


@pytest.mark.parametrize("wants", [("all", "last"), ("last", "all")])
def test_a_declared_view_is_encoded_once_for_all_who_name_it(backbone: Counting, wants: tuple[Want, Want]) -> None:
    batch = make_batch()
    items, lengths = sequences([4, 3, 1, 2], seed=5)
    first, second = (Asks(Request("view.pair.first", items, lengths, want=want)) for want in wants)
    backbone.train()
    training_loss(backbone, [Weighted("a", 1.0, first), Weighted("b", 1.0, second)], batch)
    assert backbone.calls == [(4, 4, "causal", "all")]
    got = {want: asked.got["view.pair.first"] for want, asked in zip(wants, (first, second), strict=True)}
    assert got["all"].shape == (4, 7, 8)
    assert torch.equal(got["all"][:, -1], got["last"])  # one pass, one dropout
    assert not got["all"][items == 0].any()


def test_a_private_key_is_no_view(backbone: Counting) -> None:
    batch = make_batch()
    mine = Request("view", batch.inputs, batch.lengths)  # `view.` begins the shared ones
    training_loss(backbone, [Weighted(name, 1.0, Asks(mine)) for name in "ab"], batch)
    assert [call[0] for call in backbone.calls] == [2 * 4]


def test_a_backbone_without_states_hands_none_out_but_scores(backbone: Counting) -> None:
    backbone.has_states = False
    batch, asked = make_batch(), Scores(torch.tensor([4, 9]))
    training_loss(backbone, [Weighted("next", 1.0, asked)], batch)
    assert asked.got.shape == (4, 2)
    contrast = Asks(Request(BATCH, batch.inputs, batch.lengths))
    with pytest.raises(PluginError, match="objective 'contrast' compares states, and the backbone Counting has none"):
        training_loss(backbone, [Weighted("next", 1.0, asked), Weighted("contrast", 1.0, contrast)], batch)


def test_scores_of_a_request_for_all_positions_are_those_of_the_last(backbone: Counting) -> None:
    batch, asked = make_batch(), Scores(torch.tensor([4, 9]))
    everywhere = Asks(Request(BATCH, batch.inputs, batch.lengths, want="all"))
    training_loss(backbone, [Weighted("a", 1.0, asked), Weighted("b", 1.0, everywhere)], batch)
    states = backbone.encode(batch.inputs, batch.lengths, mask="causal", want="last")
    torch.testing.assert_close(asked.got, states @ backbone.item_table()[[4, 9]].T, atol=1e-5, rtol=0)


class Refuses:
    """An objective that raises before or after its states are encoded."""

    def __init__(self, when: str) -> None:
        self.when = when

    def term(self, batch: Batch) -> Term:
        if self.when == "asking":
            raise ValueError("too few rows")
        yield []
        raise ValueError("too few rows")


@pytest.mark.parametrize("when", ["asking", "answering"])
def test_what_an_objective_refuses_is_told_with_its_id(backbone: Counting, when: str) -> None:
    with pytest.raises(PluginError, match="^objective 'meta': too few rows$") as caught:
        training_loss(backbone, [Weighted("meta", 1.0, Refuses(when))], make_batch())
    assert isinstance(caught.value.__cause__, ValueError)


def test_what_a_backbone_refuses_is_told_with_those_who_asked(backbone: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    def bidirectional_alone(items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        if how["mask"] == "causal":
            raise ValueError("no causal mask here")
        return SASRec.encode(backbone, items, lengths, **how)

    monkeypatch.setattr(backbone, "encode", bidirectional_alone)
    batch = make_batch()
    causal = Asks(Request(BATCH, batch.inputs, batch.lengths))
    other = Asks(Request("own", batch.inputs, batch.lengths, mask="bidirectional"))
    with pytest.raises(PluginError, match="^objectives 'a', 'c': no causal mask here$"):
        training_loss(backbone, [Weighted("a", 1.0, causal), Weighted("b", 1.0, other), Weighted("c", 1.0, causal)], batch)


def test_refuses_one_view_drawn_twice(backbone: Counting) -> None:
    batch = make_batch()
    first, second = (Asks(Request("view.pair.first", batch.inputs.clone(), batch.lengths)) for _ in range(2))
    with pytest.raises(ValueError, match="'view.pair.first' was requested for two different sets"):
        training_loss(backbone, [Weighted("a", 1.0, first), Weighted("b", 1.0, second)], batch)


def test_together_equals_apart(backbone: Counting) -> None:
    batch = make_batch()
    items, lengths = sequences([6, 3, 2], seed=9)
    asked = Asks(
        Request(BATCH, batch.inputs, batch.lengths),
        Request("all", items, lengths, want="all"),
        Request("both", items, lengths, mask="bidirectional"),
    )
    training_loss(backbone, [Weighted("a", 1.0, asked)], batch)
    torch.testing.assert_close(
        asked.got[BATCH], backbone.encode(batch.inputs, batch.lengths, mask="causal", want="last"), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(asked.got["all"], backbone.encode(items, lengths, mask="causal", want="all"), atol=1e-5, rtol=0)
    torch.testing.assert_close(asked.got["both"], backbone.encode(items, lengths, mask="bidirectional", want="last"), atol=1e-5, rtol=0)


def test_gradient_is_the_weighted_sum_of_the_terms_gradients(backbone: Counting) -> None:
    batch = make_batch()
    items, lengths = sequences([6, 3], seed=2)

    def gradient(*weights: float) -> Tensor:
        parts = [
            Weighted("a", weights[0], Asks(Request(BATCH, batch.inputs, batch.lengths))),
            Weighted("b", weights[1], Asks(Request("view", items, lengths))),
        ]
        backbone.zero_grad()
        loss, _ = training_loss(backbone, parts, batch)
        loss.backward()
        assert backbone.item_embedding.weight.grad is not None
        return backbone.item_embedding.weight.grad.clone()

    torch.testing.assert_close(gradient(1.0, 0.3), gradient(1.0, 0.0) + 0.3 * gradient(0.0, 1.0), atol=1e-5, rtol=1e-5)


def test_no_gradient_where_none_is_wanted(backbone: Counting) -> None:
    batch = make_batch()
    asked = Asks(Request("frozen", batch.inputs, batch.lengths, grad=False))
    training_loss(backbone, [Weighted("a", 1.0, asked)], batch)
    assert not asked.got["frozen"].requires_grad


def test_reports_unweighted_terms_by_id(backbone: Counting) -> None:
    batch = make_batch()
    request = Request(BATCH, batch.inputs, batch.lengths)
    loss, terms = training_loss(backbone, [Weighted("a", 2.0, Asks(request)), Weighted("b", 0.5, Asks(request))], batch)
    assert set(terms) == {"a", "b"}
    torch.testing.assert_close(loss.detach(), 2.0 * terms["a"] + 0.5 * terms["b"])


def test_refuses_one_key_for_two_sets_of_sequences(backbone: Counting) -> None:
    batch = make_batch()
    items, lengths = sequences([1, 2, 3, 4])
    asked = Asks(Request(BATCH, batch.inputs, batch.lengths), Request(BATCH, items, lengths))
    with pytest.raises(ValueError, match="'batch' was requested for two different sets"):
        training_loss(backbone, [Weighted("a", 1.0, asked)], batch)


@pytest.mark.parametrize(("made", "got"), [(lambda states: states.sum(1), r"a tensor of shape \[4\]"), (lambda states: None, "NoneType")])
def test_refuses_a_loss_that_is_not_one_number(backbone: Counting, made: Callable[[Tensor], Tensor], got: str) -> None:
    class Loses(Asks):
        def term(self, batch: Batch) -> Term:
            encoded = yield self.requests
            return made(encoded[BATCH])

    batch = make_batch()
    with pytest.raises(PluginError, match=f"objective 'a': its loss should be a tensor of one number, such as a mean over rows, got {got}"):
        training_loss(backbone, [Weighted("a", 1.0, Loses(Request(BATCH, batch.inputs, batch.lengths)))], batch)


def test_refuses_an_objective_that_asks_twice(backbone: Counting) -> None:
    class AsksTwice:
        def term(self, batch: Batch) -> Term:
            yield [Request(BATCH, batch.inputs, batch.lengths)]
            yield [Request(BATCH, batch.inputs, batch.lengths)]
            return torch.zeros(())

    with pytest.raises(RuntimeError, match="'a' asked twice"):
        training_loss(backbone, [Weighted("a", 1.0, AsksTwice())], make_batch())


def test_refuses_an_objective_that_asks_for_nothing(backbone: Counting) -> None:
    class AsksNothing:
        def term(self, batch: Batch) -> Term:
            return torch.zeros(())
            yield []

    with pytest.raises(RuntimeError, match="'a' asked for nothing"):
        training_loss(backbone, [Weighted("a", 1.0, AsksNothing())], make_batch())


def test_refuses_a_term_without_yield(backbone: Counting) -> None:
    class Returns:
        def term(self, batch: Batch) -> Term:
            return torch.zeros(())  # type: ignore[return-value]

    with pytest.raises(PluginError, match="objective 'a': its term should yield requests before it returns the loss, and has no yield"):
        training_loss(backbone, [Weighted("a", 1.0, Returns())], make_batch())


def test_refuses_states_that_were_not_requested(backbone: Counting) -> None:
    class ReadsAnother:
        def term(self, batch: Batch) -> Term:
            encoded = yield [Request("mine", batch.inputs, batch.lengths)]
            return encoded["yours"].sum()

    with pytest.raises(PluginError, match="objective 'a' reads states of 'yours', and has requested mine"):
        training_loss(backbone, [Weighted("a", 1.0, ReadsAnother())], make_batch())


@pytest.mark.parametrize("at", ["before", "after"])
def test_refuses_an_objective_that_writes_to_the_batch(backbone: Counting, at: str) -> None:
    class Writes:
        def term(self, batch: Batch) -> Term:
            if at == "before":
                batch.inputs[:, -1] = 1
            encoded = yield [Request(BATCH, batch.inputs, batch.lengths)]
            if at == "after":
                batch.targets.zero_()
            return encoded[BATCH].sum()

    name = "inputs" if at == "before" else "targets"
    with pytest.raises(PluginError, match=f"objective 'a', or a part of it, wrote to the batch's {name}"):
        training_loss(backbone, [Weighted("a", 1.0, Writes())], make_batch())


@pytest.mark.parametrize(
    ("cut", "want", "told"),
    [
        (lambda states: states[:2], "last", r"\[4, 7\] with want='last' as \[4, d\], got \[2, 8\]"),
        (lambda states: states[:, None].expand(-1, 7, -1), "last", r"\[4, 7\] with want='last' as \[4, d\], got \[4, 7, 8\]"),
        (lambda states: states[:, -1], "all", r"\[4, 7\] with want='all' as \[4, 7, d\], got \[4, 8\]"),
    ],
)
def test_refuses_states_of_a_wrong_shape(cut: Callable[[Tensor], Tensor], want: Want, told: str) -> None:
    class Cuts(SASRec):
        def encode(self, items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
            return cut(super().encode(items, lengths, **how))

    batch = make_batch()
    asked = Asks(Request(BATCH, batch.inputs, batch.lengths, want=want))
    with pytest.raises(PluginError, match=f"the backbone Cuts should encode items of shape {told}"):
        training_loss(Cuts(SPEC, hidden_size=8, inner_size=16), [Weighted("a", 1.0, asked)], batch)
