from __future__ import annotations

import torch

from sracl.contracts.sampler import SamplerContract, interactions_of
from sracl.data.samples import SequenceTable
from sracl.interfaces import Sampler
from sracl.samplers.prefix import Prefix
from sracl.samplers.user import User
from tests.data.conftest import by_hand


class TestUser(SamplerContract):
    def make(self, generator: torch.Generator) -> Sampler:
        return User(generator)


def test_a_row_per_user_predicts_after_every_position() -> None:
    # n = 3: nothing is left; n = 4: x_1 predicts x_2; n = 6: x_1 x_2 x_3 predict x_2 x_3 x_4, of which L = 2 items are read
    toy = by_hand([[1, 2, 3], [4, 5, 6, 1], [2, 7, 2, 3, 7, 2]])
    for max_length, inputs, targets in [
        (2, [[0, 4], [7, 2]], [[0, 5], [2, 3]]),
        (4, [[0, 0, 0, 4], [0, 2, 7, 2]], [[0, 0, 0, 5], [0, 7, 2, 3]]),
    ]:
        table = SequenceTable.of(toy, User(torch.Generator()).rows(toy, max_length), max_length)
        batch = table.batch(torch.arange(len(table)))
        assert batch.users.tolist() == [1, 2]
        assert batch.inputs.tolist() == inputs
        assert batch.targets.tolist() == targets


def test_predicts_what_prefixes_predict_where_no_history_is_cut() -> None:
    data = interactions_of([3, 4, 5, 8, 9, 13])
    every, rows = Prefix(torch.Generator()).rows(data, 20), User(torch.Generator()).rows(data, 20)
    table = SequenceTable.of(data, rows, 20)
    batch = table.batch(torch.arange(len(table)))
    predicted = batch.targets[batch.targets > 0]  # by user, and within by position: the order of the prefixes
    assert predicted.tolist() == every.targets.tolist()
