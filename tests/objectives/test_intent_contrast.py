from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from sracl.backbones.sasrec import SASRec
from sracl.data.samples import SequenceTable
from sracl.data.splits import training_prefixes
from sracl.data.synthetic import markov
from sracl.engine.early_stopping import EarlyStopping
from sracl.engine.phases import joint
from sracl.engine.seeding import Streams
from sracl.engine.step import Weighted, training_loss
from sracl.engine.trainer import Trainer
from sracl.interfaces import BATCH, Batch, Objective, Request, SequenceSpec, Snapshot, Want
from sracl.losses.cross_entropy import cross_entropy
from sracl.losses.nt_xent import nt_xent
from sracl.objectives.intent_contrast import IntentContrast
from sracl.objectives.intents import Intents
from sracl.objectives.next_item import NextItem
from sracl.objectives.readout import Readout
from sracl.recipes.plan import plan
from sracl.runs.parts import Workshop, assemble
from sracl.samplers.prefix import Prefix
from sracl.views.same_target import SameTarget
from tests.contracts.objective import Answer, MeanOfItems, ObjectiveContract, drive
from tests.contracts.view import samples_of

ROWS = [[1, 2, 3], [4], [5, 6], [7, 8, 9, 10], [2, 11], [12, 1, 5]]
TARGETS = [3, 3, 5, 3, 5, 9]


def six() -> SequenceTable:
    """Six samples: three followed by item 3, two by 5, one by 9."""
    return samples_of(ROWS, TARGETS, max_length=5)


class Seen:
    """A snapshot's `encode` that remembers what it was asked for."""

    def __init__(self, samples: SequenceTable, encoder: MeanOfItems) -> None:
        self.samples = samples
        self.encoder = encoder
        self.asked: list[tuple[list[int], Want]] = []

    def __call__(self, rows: Tensor, want: Want) -> Tensor:
        self.asked.append((rows.tolist(), want))
        return self.encoder.encode(Request("", *self.samples.gather(rows), want=want, grad=False))

    def at(self, epoch: int) -> Snapshot:
        return Snapshot(epoch, 0, self.encoder.table.detach(), self)


def contrast(samples: SequenceTable, *, seed: int = 4, loss: Any = nt_xent, **parameters: Any) -> IntentContrast:
    """The contrast of the same target with three intents, before its first epoch."""
    if "views" not in parameters:
        parameters["views"] = SameTarget(samples, torch.Generator().manual_seed(seed), others="contents")
    return IntentContrast(samples, torch.Generator().manual_seed(seed), **{"num_intents": 3, **parameters}, loss=loss)


def begun(samples: SequenceTable, **parameters: Any) -> IntentContrast:
    """The same, after the first clustering."""
    objective = contrast(samples, **parameters)
    objective.begin_epoch(Seen(samples, MeanOfItems(12)).at(1))
    return objective


@pytest.mark.parametrize("intent_of", ["sequence", "view"])
@pytest.mark.parametrize("readout", ["last", "mean", "flatten"])
@pytest.mark.parametrize("cluster_over", ["samples", "users"])
@pytest.mark.parametrize("false_negatives", ["none", "same_intent"])
class TestIntentContrast(ObjectiveContract):
    @pytest.fixture
    def objective(self, intent_of: str, readout: Readout, cluster_over: str, false_negatives: str) -> Objective:
        return begun(six(), intent_of=intent_of, readout=readout, cluster_over=cluster_over, false_negatives=false_negatives)

    @pytest.fixture
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


def several() -> SequenceTable:
    """Prefixes of three users, not in order: of user 0 samples 1 and 4, of 1 only 0, of 2 samples 2, 3 and 5."""
    items = torch.arange(1, 13)
    starts, ends = [4, 0, 6, 6, 0, 6], [5, 1, 8, 7, 3, 9]
    users = torch.tensor([1, 0, 2, 2, 0, 2])
    return SequenceTable(items, torch.tensor(starts), torch.tensor(ends), max_length=2, users=users, targets=items[torch.tensor(ends)])


def clustered_rows(samples: SequenceTable, **parameters: Any) -> tuple[list[int], Want]:
    seen = Seen(samples, MeanOfItems(12))
    contrast(samples, **parameters).begin_epoch(seen.at(1))
    (asked,) = seen.asked
    return asked


def test_what_is_clustered() -> None:
    assert clustered_rows(several()) == ([0, 1, 2, 3, 4, 5], "last")
    # the latest sample of each user, though cut to two items the one before it is as long
    assert clustered_rows(several(), cluster_over="users") == ([4, 0, 5], "last")
    assert clustered_rows(several(), readout="mean") == ([0, 1, 2, 3, 4, 5], "all")


def test_only_so_many_sequences_are_clustered_drawn_anew_each_epoch() -> None:
    samples = samples_of([[1 + row % 12] for row in range(400)], [1] * 400, max_length=3)
    seen, objective = Seen(samples, MeanOfItems(12)), contrast(samples, num_intents=4, sequences_per_intent=25)
    for epoch in (1, 2):
        objective.begin_epoch(seen.at(epoch))
    (first, _), (second, _) = seen.asked
    assert len(set(first)) == len(set(second)) == 100
    assert len(set(first) & set(second)) < 60  # 25 are expected
    assert len(clustered_rows(samples, num_intents=4, sequences_per_intent=100)[0]) == 400


@pytest.mark.parametrize("readout", ["mean", "flatten"])
def test_what_is_read_of_a_sequence_is_what_is_clustered(readout: Readout) -> None:
    samples, encoder = six(), MeanOfItems(12)
    objective = contrast(samples, num_intents=6, readout=readout, intent_of="sequence")
    objective.begin_epoch(Seen(samples, encoder).at(1))
    assert objective.intents is not None
    # six intents of six sequences: each is its own centre
    states = encoder.encode(Request("", *samples.gather(torch.arange(6)), want="all")).detach()
    lengths = torch.tensor([len(row) for row in ROWS])
    read = states.sum(1) / lengths[:, None] if readout == "mean" else states.flatten(1)
    torch.testing.assert_close(objective.intents.centres[objective.intents.nearest(read)], read)


def test_long_lists_are_encoded_in_parts() -> None:
    samples = samples_of([[1 + row % 12] for row in range(5000)], [1] * 5000, max_length=1)
    seen = Seen(samples, MeanOfItems(12))
    contrast(samples, sequences_per_intent=2000).begin_epoch(seen.at(1))
    assert [len(rows) for rows, _ in seen.asked] == [4096, 904]


def test_fewer_sequences_than_intents_are_an_intent_each() -> None:
    objective = begun(six(), num_intents=256)
    assert objective.intents is not None
    assert len(objective.intents.centres) == 6
    assert drive(objective, six().batch(torch.arange(6)), MeanOfItems(12))[1].isfinite()


def test_a_batch_of_one_costs_nothing() -> None:
    assert drive(begun(six()), six().batch(torch.tensor([3])), MeanOfItems(12))[1].item() == 0.0


def test_a_seed_gives_the_same_intents_whatever_was_before() -> None:
    samples = samples_of([[1 + row % 12, 1 + row % 7] for row in range(300)], [1 + row % 5 for row in range(300)], max_length=3)
    seen, parameters = Seen(samples, MeanOfItems(12)), {"num_intents": 8, "sequences_per_intent": 20}
    uninterrupted, resumed = contrast(samples, **parameters), contrast(samples, **parameters)
    for epoch in (1, 2):
        state = uninterrupted.generator.get_state()
        uninterrupted.begin_epoch(seen.at(epoch))
    resumed.generator.set_state(state)
    resumed.begin_epoch(seen.at(2))
    assert uninterrupted.intents is not None and resumed.intents is not None
    assert torch.equal(resumed.intents.centres, uninterrupted.intents.centres)
    assert seen.asked[2] == seen.asked[1]
    assert not [*uninterrupted.parameters(), *uninterrupted.buffers()]


class Kept:
    """A recorder that remembers, and may stop the run."""

    def __init__(self, stop_at: tuple[int, int] | None = None) -> None:
        self.epochs: dict[int, Mapping[str, float]] = {}
        self.stop_at = stop_at

    def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
        if (epoch, step) == self.stop_at:
            raise KeyboardInterrupt

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        self.epochs[epoch] = {name: value for name, value in values.items() if not name.startswith("seconds.")}


def trainer(folder: Path, recorder: Kept) -> Trainer:
    data = markov(num_items=12, num_users=20, length=8)
    streams = Streams(7, torch.device("cpu"))
    with streams.initialising("backbone"):
        backbone = SASRec(SequenceSpec(12, 6), hidden_size=8, inner_size=16)
    samples = SequenceTable.of(data, training_prefixes(data, 6), 6)
    views = SameTarget(samples, streams.named("views"), others="contents")
    intents = IntentContrast(samples, streams.named("intents"), views=views, num_intents=5, false_negatives="same_intent", loss=nt_xent)
    objectives = [Weighted("next", 1.0, NextItem(loss=cross_entropy)), Weighted("intents", 0.2, intents)]
    return Trainer(
        backbone=backbone,
        objectives=objectives,
        samples=samples,
        sampler=Prefix(streams.named("samples")),
        phases=joint(backbone, objectives, torch.optim.Adam),
        validate=None,
        stopping=EarlyStopping("valid.mrr@10", None),
        streams=streams,
        recorder=recorder,
        folder=folder,
        batch_size=16,
        epochs=3,
        key="this run",
        hooks=[intents],
    )


def test_resumed_equals_uninterrupted_bit_for_bit(tmp_path: Path) -> None:
    whole, first, second = Kept(), Kept((2, 3)), Kept()
    trainer(tmp_path / "whole", whole).fit()
    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path / "parts", first).fit()
    trainer(tmp_path / "parts", second).fit()
    assert min(second.epochs) == 2
    assert {**first.epochs, **second.epochs} == whole.epochs
    assert all(values["loss.intents"] > 0 for values in whole.epochs.values())


@pytest.mark.parametrize("intent_of", ["sequence", "view"])
def test_what_validates_and_tests_plays_no_part(intent_of: Literal["sequence", "view"]) -> None:
    data = markov(num_items=12, num_users=20, length=8)
    items = data.items.copy()
    for back in (1, 2):
        items[data.offsets[1:] - back] = items[data.offsets[1:] - back] % 12 + 1
    assert not np.array_equal(items, data.items)
    terms = []
    for version in (data, dataclasses.replace(data, items=items)):
        samples = SequenceTable.of(version, training_prefixes(version, 6), 6)
        objective = begun(samples, intent_of=intent_of, false_negatives="same_intent", num_intents=5)
        terms.append(drive(objective, samples.batch(torch.arange(0, 90, 2)), MeanOfItems(12))[1])
    assert torch.equal(*terms)


def test_false_negatives_need_a_loss_that_takes_labels() -> None:
    def distance(anchor: Tensor, positive: Tensor) -> Tensor:
        return (anchor - positive).square().mean()

    with pytest.raises(ValueError, match="same_intent.*labels"):
        contrast(six(), loss=distance, false_negatives="same_intent")
    requests, term = drive(begun(six(), loss=distance), six().batch(torch.arange(6)), MeanOfItems(12))
    assert list(requests) == ["first", "second"]
    assert term.item() > 0


class Counting(SASRec):
    """Remembers how many sequences each call encoded."""

    encoded: list[int]

    def encode(self, items: Tensor, lengths: Tensor, **how: Any) -> Tensor:
        self.encoded.append(len(items))
        return super().encode(items, lengths, **how)


@pytest.mark.parametrize(("method", "terms"), [("iclrec", ["next", "views", "intents"]), ("icsrec", ["next", "coarse", "fine"])])
def test_a_step_of_the_method_encodes_three_passes_in_one_call(method: str, terms: list[str]) -> None:
    sets = ["data.name=markov", "data.num_items=20", "data.num_users=30", "data.max_length=6", "backbone.hidden_size=8"]
    (run,) = plan(f"methods/{method}", sets=sets, seeds=[1]).runs
    parts = assemble(run, Workshop(torch.device("cpu"), report=lambda line: None))
    (training,) = parts.trainings
    assert [part.id for part in training.objectives] == terms
    (hook,) = [part for part in training.hooks if isinstance(part, IntentContrast)]
    encoder = parts.backbone
    hook.begin_epoch(
        Snapshot(1, 0, encoder.item_table().detach(), lambda rows, want: encoder.encode(*parts.samples.gather(rows), want=want))
    )
    counting = Counting(encoder.spec, hidden_size=8)
    counting.load_state_dict(encoder.state_dict())
    counting.encoded = []
    loss, found = training_loss(counting, training.objectives, parts.samples.batch(torch.arange(0, 80, 5)))
    torch.autograd.backward(loss)
    assert counting.encoded == [3 * 16]
    assert list(found) == terms
    assert all(float(value) > 0 for value in found.values())


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
