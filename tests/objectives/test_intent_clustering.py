"""What an intent contrast clusters at the beginning of an epoch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from sracl.contracts.objective import MeanOfItems, drive
from sracl.contracts.view import samples_of
from sracl.data.samples import SequenceTable
from sracl.interfaces import Request, Want
from sracl.objectives.readout import Readout
from tests.support.intents import ROWS, Seen, begun, contrast, six


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
