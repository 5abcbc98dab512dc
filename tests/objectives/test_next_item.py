from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sracl.backbones.base import Backbone
from sracl.backbones.sasrec import SASRec
from sracl.contracts.objective import MeanOfItems, ObjectiveContract, drive
from sracl.contracts.synthesizer import tiny_neighbours
from sracl.contracts.view import samples_of
from sracl.data.samples import SequenceTable
from sracl.engine.step import Weighted, training_loss
from sracl.errors import PluginError
from sracl.interfaces import BATCH, Batch, Objective, SequenceSpec
from sracl.losses.cross_entropy import cross_entropy
from sracl.objectives.next_item import NextItem
from sracl.samplers.prefix import Prefix
from sracl.samplers.user import User
from tests.data.conftest import by_hand


class TestNextItem(ObjectiveContract):
    def objective(self) -> Objective:
        return NextItem(loss=cross_entropy)

    def batch(self) -> Batch:
        return tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))


def test_is_the_loss_of_the_batch_against_its_targets() -> None:
    encoder, batch = MeanOfItems(12), tiny_neighbours().pool.batch(torch.tensor([0, 4, 2]))
    requests, term = drive(NextItem(loss=cross_entropy), batch, encoder)
    assert list(requests) == [BATCH]
    assert requests[BATCH].items is batch.inputs
    assert (requests[BATCH].mask, requests[BATCH].want, requests[BATCH].grad) == ("causal", "last", True)
    assert term == cross_entropy(encoder.encode(requests[BATCH]), encoder.table, batch.targets)


def positions(rows: list[list[int]], targets: list[int], max_length: int) -> SequenceTable:
    samples = samples_of(rows, targets, max_length=max_length)
    samples.each_position = True
    return samples


class TestOfEveryPosition(ObjectiveContract):
    def objective(self) -> Objective:
        return NextItem(loss=cross_entropy)

    def batch(self) -> Batch:
        return positions([[1, 2, 3], [4], [5, 6]], [7, 8, 9], 4).batch(torch.tensor([2, 0, 1]))


def test_every_real_position_counts_once() -> None:
    # Rows of three items and of one: the mean is over 3 + 1 predictions, so that the long row has three shares of four.
    samples, encoder = positions([[1, 2, 3], [4]], [7, 8], 4), MeanOfItems(12)
    requests, term = drive(NextItem(loss=cross_entropy), samples.batch(torch.arange(2)), encoder)
    assert (list(requests), requests[BATCH].want) == ([BATCH], "all")
    table = encoder.table
    states = torch.stack([table[1], (table[1] + table[2]) / 2, (table[1] + table[2] + table[3]) / 3, table[4]])
    torch.testing.assert_close(term, cross_entropy(states, table, torch.tensor([2, 3, 7, 8])))
    long, short = (drive(NextItem(loss=cross_entropy), samples.batch(torch.tensor([row])), encoder)[1] for row in (0, 1))
    torch.testing.assert_close(term, (3 * long + short) / 4)


class WithoutPositions(Backbone):
    """The mean of the items so far: what it makes of a prefix is what it makes of it within a longer row."""

    def __init__(self, spec: SequenceSpec) -> None:
        super().__init__(spec)
        torch.manual_seed(0)
        self.item_embedding = torch.nn.Embedding(spec.table_rows, 6, padding_idx=0)

    def encode(self, items: Tensor, lengths: Tensor, **how: str) -> Tensor:
        seen = (items > 0).cumsum(1).clamp(min=1)[:, :, None]
        states: Tensor = self.item_embedding(items).cumsum(1) / seen * (items > 0)[:, :, None]
        return states[:, -1] if how["want"] == "last" else states


@pytest.mark.parametrize("sampled", [User, Prefix])
def test_a_user_costs_the_mean_of_all_prefixes_where_positions_do_not_matter(sampled: type[User] | type[Prefix]) -> None:
    data = by_hand([[2, 7, 2, 3, 7, 2, 5, 1]])  # one user, whose x_1 … x_5 read and x_2 … x_6 are predicted
    spec = SequenceSpec(data.num_items, 10)
    table = SequenceTable.of(data, sampled(torch.Generator()).rows(data, 10), 10)
    assert len(table) == {User: 1, Prefix: 5}[sampled]
    objectives = [Weighted("next", 1.0, NextItem(loss=cross_entropy))]
    loss, _ = training_loss(WithoutPositions(spec), objectives, table.batch(torch.arange(len(table))))
    one_by_one = [
        training_loss(
            WithoutPositions(spec), objectives, samples_of([[2, 7, 2, 3, 7][:t]], [target], max_length=10).batch(torch.tensor([0]))
        )[0]
        for t, target in enumerate([7, 2, 3, 7, 2], start=1)
    ]
    torch.testing.assert_close(loss, torch.stack(one_by_one).mean())


def test_refuses_states_that_are_not_as_wide_as_item_vectors() -> None:
    class Narrow(WithoutPositions):
        def encode(self, items: Tensor, lengths: Tensor, **how: str) -> Tensor:
            return super().encode(items, lengths, **how)[..., :-1]

    batch = samples_of([[2, 7]], [3], max_length=4).batch(torch.tensor([0]))
    with pytest.raises(PluginError, match="objective 'next': states have 5 numbers each and item vectors 6"):
        training_loss(Narrow(SequenceSpec(9, 4)), [Weighted("next", 1.0, NextItem(loss=cross_entropy))], batch)


def test_no_position_is_told_what_it_predicts() -> None:
    # The states of SASRec at 1 … t see nothing later, so that what row t predicts does not change with the items after.
    torch.manual_seed(0)
    backbone = SASRec(SequenceSpec(12, 4), hidden_size=8, inner_size=16).eval()
    seen: list[Tensor] = []

    def keep(states: Tensor, item_table: Tensor, targets: Tensor) -> Tensor:
        seen.append(states)
        return cross_entropy(states, item_table, targets)

    for last in (3, 9):
        batch = positions([[1, 2, last]], [7], 4).batch(torch.tensor([0]))
        training_loss(backbone, [Weighted("next", 1.0, NextItem(loss=keep))], batch)
    assert torch.equal(seen[0][:2], seen[1][:2])
    assert not torch.equal(seen[0][2], seen[1][2])
