from __future__ import annotations

import numpy as np
import torch

from sracl.contracts.sampler import SamplerContract, interactions_of
from sracl.data.interactions import Interactions
from sracl.data.samples import SequenceTable
from sracl.interfaces import Sampler
from sracl.samplers.history_prefix import HistoryPrefix


class TestHistoryPrefix(SamplerContract):
    def make(self, generator: torch.Generator) -> Sampler:
        return HistoryPrefix(generator)


def test_every_prefix_of_the_latest_items_that_train() -> None:
    # users train 1, 2 and 5 items; of the last, with L = 3, the items 3 to 5 are seen
    data = Interactions.of("three", {"a": list("pqr"), "b": list("pqrs"), "c": list("pqrstuv")}, {})
    rows = HistoryPrefix(torch.Generator()).rows(data, 3)
    read = [
        "".join(data.item_ids[item - 1] for item in data.items[start:stop]) for start, stop in zip(rows.starts, rows.stops, strict=True)
    ]
    assert read == ["p", "p", "pq", "r", "rs", "rst"]
    assert rows.users.tolist() == [0, 1, 1, 2, 2, 2]
    assert rows.visible.tolist() == [1, 1, 2, 3, 4, 5]
    assert rows.targets.tolist() == [0] * 6


def test_as_many_rows_as_items_are_seen() -> None:
    lengths = [3, 4, 5, 8, 9, 13, 40, 3]
    data = interactions_of(lengths)
    for max_length in (1, 6, 50):
        rows = HistoryPrefix(torch.Generator()).rows(data, max_length)
        assert len(rows) == sum(min(length - 2, max_length) for length in lengths)
        assert int((rows.stops - rows.starts).max()) == min(38, max_length)
        assert set(rows.targets.tolist()) == {0}


def test_the_longest_row_of_a_user_is_the_input_that_validates() -> None:
    data = interactions_of([3, 9, 40])
    rows = HistoryPrefix(torch.Generator()).rows(data, 6)
    last = np.flatnonzero(np.diff(rows.users, append=-1))
    items, lengths = SequenceTable.of(data, rows, 6).gather(torch.from_numpy(last))
    assert lengths.tolist() == [1, 6, 6]
    for user, row in enumerate(items):
        assert row[row > 0].tolist() == data.sequence(user)[:-2][-6:].tolist()
