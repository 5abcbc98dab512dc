from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from sracl.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from sracl.data.samples import SequenceTable
from sracl.interfaces import BATCH, Batch, Objective, Request
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.intent_contrast import IntentContrast
from sracl.objectives.intents import Intents
from sracl.objectives.readout import Readout
from sracl.views.same_target import SameTarget
from tests.support.intents import Seen, begun, contrast, six


@pytest.mark.parametrize("intent_of", ["sequence", "view"])
@pytest.mark.parametrize("readout", ["last", "mean", "flatten"])
@pytest.mark.parametrize("cluster_over", ["samples", "users"])
@pytest.mark.parametrize("false_negatives", ["none", "same_intent"])
class TestIntentContrast(ObjectiveContract):
    @pytest.fixture(autouse=True)
    def parameters(self, intent_of: str, readout: Readout, cluster_over: str, false_negatives: str) -> None:
        self.made = partial(begun, intent_of=intent_of, readout=readout, cluster_over=cluster_over, false_negatives=false_negatives)

    def objective(self) -> Objective:
        return self.made(six())

    def batch(self) -> Batch:
        return six().batch(torch.tensor([2, 0, 5, 1]))


class Given:
    """Views whose states, and those of the batch, are leaves that a test chooses."""

    def __init__(self, batch: Tensor, first: Tensor, second: Tensor) -> None:
        self.states = {BATCH: batch.requires_grad_(), "first": first.requires_grad_(), "second": second.requires_grad_()}

    def __call__(self, batch: Batch) -> tuple[Request, Request]:
        return Request("first", batch.inputs, batch.lengths), Request("second", batch.inputs, batch.lengths)

    def through(self, objective: IntentContrast) -> tuple[list[Request], Tensor]:
        """What is asked for, and the term."""
        samples = six()
        term = objective.term(samples.batch(torch.arange(len(self.states["first"]))))
        requests = list(next(term))
        states = {request.key: self.states[request.key] for request in requests}
        with pytest.raises(StopIteration) as finished:
            term.send(Answer(states, torch.zeros(13, 2)))
        value: Tensor = finished.value.value
        return requests, value


class Watched:
    """`nt_xent` that remembers what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def __call__(self, anchor: Tensor, positive: Tensor, labels: Tensor | None = None) -> Tensor:
        self.calls.append((anchor, positive, labels))
        return nt_xent(anchor, positive, labels)


H = [[1.0, 0.0], [0.0, 2.0]]
CENTRES = [[0.6, 0.8], [0.0, 1.0]]


def toy(given: Given, centres: list[list[float]], *, loss: Any = nt_xent, **parameters: Any) -> IntentContrast:
    objective = contrast(six(), views=given, loss=loss, **parameters)
    objective.intents = Intents(torch.tensor(centres))
    return objective


@pytest.mark.parametrize("intent_of", ["sequence", "view"])
@pytest.mark.parametrize("false_negatives", ["none", "same_intent"])
def test_two_sequences_by_hand(intent_of: str, false_negatives: str) -> None:
    # h_1 = (1, 0) is .894 from (.6, .8) and 1.414 from (0, 1); h_2 = (0, 2) is 1.342 and 1 from them: intents 0 and 1.
    # Dot table of (h_1, h_2, c_1, c_2): rows (·, 0, .6, 0), (0, ·, 1.6, 2), (.6, 1.6, ·, .8), (0, 2, .8, ·), so that each costs
    #   log(1 + e^.6 + 1) - .6 = .740805,           log(1 + e^1.6 + e^2) - 2 = .590924,
    #   log(e^.6 + e^1.6 + e^.8) - .6 = 1.597301,   log(1 + e^2 + e^.8) - 2 = .362230,
    # .822815 in the mean. Both views have the same states; no two intents are the same, so that labels change nothing.
    given, loss = Given(*(torch.tensor(H) for _ in range(3))), Watched()
    _, term = given.through(toy(given, CENTRES, loss=loss, intent_of=intent_of, false_negatives=false_negatives))
    assert term.item() == pytest.approx(0.822815, abs=1e-6)
    for states, targets, labels in loss.calls:
        table = torch.cat([states, targets]) @ torch.cat([states, targets]).T
        costs = table.fill_diagonal_(float("-inf")).logsumexp(1) - torch.cat([states, targets]).mul(torch.cat([targets, states])).sum(1)
        torch.testing.assert_close(costs, torch.tensor([0.740805, 0.590924, 1.597301, 0.362230]), atol=1e-6, rtol=0)
        assert (labels is None) == (false_negatives == "none")
        assert labels is None or labels.tolist() == [0, 1]


def test_one_intent_for_all_rows_costs_and_teaches_nothing_without_false_negatives() -> None:
    # of four centres the last is the nearest to all: ids (3, 3)
    given, loss = Given(*(torch.tensor(H) for _ in range(3))), Watched()
    _, term = given.through(toy(given, [[9.0, 9.0], [-9.0, 9.0], [9.0, -9.0], [0.5, 1.0]], loss=loss, false_negatives="same_intent"))
    torch.autograd.backward(term)
    assert [labels.tolist() for _, _, labels in loss.calls if labels is not None] == [[3, 3], [3, 3]]
    assert term.item() == 0.0
    for key in ("first", "second"):
        gradient = given.states[key].grad
        assert gradient is not None
        assert not gradient.any()


def test_the_term_is_the_mean_of_both_views() -> None:
    given = Given(torch.tensor(H), torch.tensor(H), torch.tensor([[0.0, 3.0], [1.0, 1.0]]))
    _, term = given.through(toy(given, CENTRES))
    centres = torch.tensor(CENTRES)
    # (0, 3) is nearest to (0, 1), (1, 1) to (.6, .8)
    expected = (nt_xent(given.states["first"], centres) + nt_xent(given.states["second"], centres[[1, 0]])) / 2
    torch.testing.assert_close(term, expected)


def test_the_sequence_speaks_for_both_its_views() -> None:
    # The views stand at each other's centre: their own intents would be (1, 0).
    swapped = [[0.0, 2.0], [1.0, 0.0]]
    given, loss = Given(torch.tensor(H), torch.tensor(swapped), torch.tensor(swapped)), Watched()
    requests, term = given.through(toy(given, CENTRES, loss=loss, intent_of="sequence", false_negatives="same_intent"))
    assert [request.key for request in requests] == [BATCH, "first", "second"]
    assert [labels.tolist() for _, _, labels in loss.calls if labels is not None] == [[0, 1], [0, 1]]
    torch.autograd.backward(term)
    assert given.states[BATCH].grad is None  # only says which intent
    assert all(bool(given.states[key].grad.any()) for key in ("first", "second"))  # type: ignore[union-attr]


def test_each_view_has_an_intent_of_its_own() -> None:
    given, loss = Given(torch.tensor(H), torch.tensor(H), torch.tensor([[0.0, 2.0], [1.0, 0.0]])), Watched()
    requests, _ = given.through(toy(given, CENTRES, loss=loss, intent_of="view", false_negatives="same_intent"))
    assert [request.key for request in requests] == ["first", "second"]
    assert [labels.tolist() for _, _, labels in loss.calls if labels is not None] == [[0, 1], [1, 0]]


def test_rows_are_drawn_to_centres_of_length_one_found_as_they_stand() -> None:
    # As they stand, (1, 1) is nearer to (1, 0) than (10, 0); scaled to length 1, (10, 0) would be: see test_intents.
    given, loss = Given(*(torch.tensor([[1.0, 0.0], [9.0, 1.0]]) for _ in range(3))), Watched()
    given.through(toy(given, [[10.0, 0.0], [1.0, 1.0]], loss=loss))
    expected = torch.tensor([[0.5**0.5, 0.5**0.5], [1.0, 0.0]])
    for _, targets, _ in loss.calls:
        torch.testing.assert_close(targets, expected)
        assert not targets.requires_grad


def test_a_pair_that_shares_the_anchor_is_asked_for_once() -> None:
    samples = six()
    views = SameTarget(samples, torch.Generator().manual_seed(4), share_anchor=True)
    requests, _ = drive(begun(samples, views=views, intent_of="sequence"), samples.batch(torch.arange(6)), MeanOfItems(12))
    assert list(requests) == [BATCH, "second"]


def test_before_the_warm_up_ends_there_is_no_term_and_nothing_to_encode() -> None:
    samples, encoder = six(), MeanOfItems(12)
    objective, seen, batch = contrast(samples, warmup_epochs=2), Seen(samples, encoder), samples.batch(torch.arange(6))
    for epoch in (1, 2):
        objective.begin_epoch(seen.at(epoch))
        requests, term = drive(objective, batch, encoder)
        assert requests == {}
        assert term.item() == 0.0
    assert seen.asked == []
    objective.begin_epoch(seen.at(3))
    requests, term = drive(objective, batch, encoder)
    assert list(requests) == ["first", "second"]
    assert term.item() > 0


def test_a_batch_of_one_costs_nothing() -> None:
    assert drive(begun(six()), six().batch(torch.tensor([3])), MeanOfItems(12))[1].item() == 0.0


def test_false_negatives_need_a_loss_that_takes_labels() -> None:
    def distance(anchor: Tensor, positive: Tensor) -> Tensor:
        return (anchor - positive).square().mean()

    with pytest.raises(ValueError, match="same_intent.*labels"):
        contrast(six(), loss=distance, false_negatives="same_intent")
    requests, term = drive(begun(six(), loss=distance), six().batch(torch.arange(6)), MeanOfItems(12))
    assert list(requests) == ["first", "second"]
    assert term.item() > 0


def test_a_step_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of the device `meta` have no values: whatever would make the host wait for one raises."""
    draw: Any = torch.randint
    monkeypatch.setattr(torch, "randint", lambda *args, generator=None, **kwargs: draw(*args, **kwargs))
    with torch.device("meta"):
        ids = torch.zeros(9, dtype=torch.int64)
        table = SequenceTable(torch.zeros(40, dtype=torch.int64), ids, ids, max_length=8, users=ids, targets=ids)
        centres = Intents(torch.zeros(3, 4))
    encoder = MeanOfItems(12)
    encoder.table = encoder.table.to("meta")
    for intent_of in ("sequence", "view"):
        objective = contrast(
            table, views=SameTarget(table, torch.Generator()), intent_of=intent_of, false_negatives="same_intent", readout="mean"
        )
        objective.intents = centres
        assert drive(objective, table.batch(ids[:4]), encoder)[1].device.type == "meta"
