from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch

from sracl.contracts.similarity import SimilarityContract
from sracl.data.datasets import load
from sracl.data.interactions import Interactions
from sracl.data.samples import SequenceTable
from sracl.data.splits import histories
from sracl.interfaces import ItemSimilarity
from sracl.similarities.itemcf_iuf import ItemCFIUF, pairs
from tests.support.similarities import histories_of, random_histories, spec_of


def made(rows: list[list[int]], num_items: int) -> ItemCFIUF:
    return ItemCFIUF(spec_of(num_items), histories_of(rows))


class TestItemCFIUF(SimilarityContract):
    def similarity(self) -> ItemSimilarity:
        return made(random_histories(self.num_items), self.num_items)

    def test_mask_has_none(self) -> None:
        assert self.similarity()(torch.tensor([self.num_items + 1])).tolist() == [0]


# Users {1, 2} and {1, 2, 3}; the last item of each history is not read.
TWO_USERS = [[1, 2, 3], [1, 2, 3, 4]]


def test_two_users_by_hand() -> None:
    item, other, similarity = pairs(spec_of(4), histories_of(TWO_USERS))
    # weights 1 / ln 3 = .910239 and 1 / ln 4 = .721348
    # s(1, 2) = (.910239 + .721348) / (2 · 2)^½ = .815793;  s(1, 3) = s(2, 3) = .721348 / (2 · 1)^½ = .510070
    expected = {(1, 2): 0.815793, (2, 1): 0.815793, (1, 3): 0.510070, (3, 1): 0.510070, (2, 3): 0.510070, (3, 2): 0.510070}
    found = dict(zip(zip(item.tolist(), other.tolist(), strict=True), similarity.tolist(), strict=True))
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_nearest_of_two_users_by_hand() -> None:
    nearest = ItemCFIUF(spec_of(4), histories_of(TWO_USERS)).nearest
    # (.815793 - .510070) / (.815793 - .510070) = 1, and 0; of 1 and 2, equally near to 3, the smaller; 4 was never read
    assert nearest.items.tolist() == [0, 2, 1, 1, 0, 0]
    assert nearest.scores.tolist() == [-1.0, 1.0, 1.0, 0.0, -1.0, -1.0]


def test_an_item_chosen_again_counts_once() -> None:
    again = histories_of([[1, 2, 1, 1, 3], [2, 1, 2, 3, 4]])
    for found, expected in zip(pairs(spec_of(4), again), pairs(spec_of(4), histories_of(TWO_USERS)), strict=True):
        torch.testing.assert_close(found, expected)


def test_agrees_with_the_definition_spelled_out() -> None:
    num_items, rows = 15, random_histories(15, num_users=40, seed=3)
    chosen = [set(row[:-1]) for row in rows]
    owners = {item: {user for user, items in enumerate(chosen) if item in items} for item in range(1, num_items + 1)}
    similarity = {
        (i, j): sum(1 / math.log(1 + len(chosen[user])) for user in owners[i] & owners[j]) / math.sqrt(len(owners[i]) * len(owners[j]))
        for i, j in itertools.permutations(owners, 2)
        if owners[i] & owners[j]
    }
    least, most = min(similarity.values()), max(similarity.values())
    nearest = made(rows, num_items).nearest
    for i in owners:
        best = max(similarity[i, j] for j in owners if (i, j) in similarity)
        first = min(j for j in owners if similarity.get((i, j), -1) > best - 1e-9)
        assert int(nearest.items[i]) == first
        assert float(nearest.scores[i]) == pytest.approx((best - least) / (most - least), abs=1e-6)


def test_is_symmetric_to_the_last_bit() -> None:
    item, other, similarity = pairs(spec_of(15), histories_of(random_histories(15, num_users=200)))
    table = torch.zeros(17, 17, dtype=torch.float64)
    table[item, other] = similarity
    assert torch.equal(table, table.T)
    assert not bool(table.diagonal().any())


def test_users_who_choose_one_item_bring_nothing_together() -> None:
    # cut to one item, to none, and to one
    nearest = made([[1, 2], [2], [3, 1]], 3).nearest
    assert nearest.items.tolist() == [0] * 5
    assert nearest.scores.tolist() == [-1.0] * 5


def test_pairs_that_are_all_alike_have_score_0() -> None:
    nearest = made([[1, 2, 3], [3, 4, 1]], 4).nearest
    assert nearest.items.tolist() == [0, 2, 1, 4, 3, 0]
    assert nearest.scores[1:5].tolist() == [0.0] * 4


def of_data(data: Interactions) -> ItemCFIUF:
    rows = histories(data)
    return ItemCFIUF(spec_of(data.num_items), SequenceTable.of(data, rows, int((rows.stops - rows.starts).max())))


def with_items_changed(data: Interactions, *back: int) -> Interactions:
    """The same data with other items so many places from the end of each sequence."""
    items = data.items.copy()
    for places in back:
        items[data.offsets[1:] - places] = items[data.offsets[1:] - places] % data.num_items + 1
    return dataclasses.replace(data, items=items, fingerprint="changed")


def test_never_reads_what_validates_tests_or_is_only_a_target() -> None:
    data = load("demo")
    table = of_data(data).nearest
    changed = of_data(with_items_changed(data, 1, 2, 3)).nearest
    assert torch.equal(changed.items, table.items)
    assert torch.equal(changed.scores, table.scores)


def test_reads_what_the_longest_sample_reads() -> None:
    data = with_items_changed(load("demo"), 4)
    assert not torch.equal(of_data(data).nearest.scores, of_data(load("demo")).nearest.scores)
