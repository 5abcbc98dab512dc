from __future__ import annotations

import pytest
import torch

from sracl.contracts.similarity import SimilarityContract
from sracl.interfaces import ItemSimilarity
from sracl.similarities import embedding
from sracl.similarities.embedding import Embedding, alike
from tests.support.similarities import random_vectors, snapshot, spec_of


class TestEmbedding(SimilarityContract):
    def similarity(self) -> ItemSimilarity:
        made = Embedding(spec_of(self.num_items))
        made.begin_epoch(snapshot(random_vectors(self.num_items)))
        return made

    def test_mask_has_none(self) -> None:
        assert self.similarity()(torch.tensor([self.num_items + 1])).tolist() == [0]


def test_three_items_by_hand() -> None:
    # Row 0 is padding, with which all products would be largest. e_1 · e_2 = 2, e_1 · e_3 = 0, e_2 · e_3 = 3.
    nearest = alike(torch.tensor([[9.0, 9.0], [1.0, 0.0], [2.0, 1.0], [0.0, 3.0]]), 5)
    assert nearest.items.tolist() == [0, 2, 3, 2, 0]
    # Products with themselves, 1, 5 and 9, do not count: 0 is the least and 3 the most.
    torch.testing.assert_close(nearest.scores, torch.tensor([-1.0, 2 / 3, 1.0, 1.0, -1.0]))


def test_an_item_that_is_unlike_all_has_the_one_it_is_least_unlike() -> None:
    # e_1 · e_2 = -1, e_1 · e_3 = -2, e_2 · e_3 = 2
    nearest = alike(torch.tensor([[0.0], [-1.0], [1.0], [2.0]]), 4)
    assert nearest.items.tolist() == [0, 2, 3, 2]
    torch.testing.assert_close(nearest.scores, torch.tensor([-1.0, 0.25, 1.0, 1.0]))


def test_no_product_of_an_item_with_itself_is_the_least() -> None:
    # e_1 · e_2 = 2, e_1 · e_3 = .1, e_2 · e_3 = .2, and e_3 · e_3 = .01
    nearest = alike(torch.tensor([[0.0], [1.0], [2.0], [0.1]]), 4)
    torch.testing.assert_close(nearest.scores, torch.tensor([-1.0, 1.0, 1.0, 0.1 / 1.9]))


def test_of_items_equally_near_the_smallest_id_is_taken() -> None:
    nearest = alike(torch.tensor([[0.0], [1.0], [1.0], [1.0], [0.5]]), 5)
    assert nearest.items.tolist() == [0, 2, 1, 1, 1]


def test_items_that_are_all_alike_have_score_0() -> None:
    assert alike(torch.ones(4, 2), 4).scores.tolist() == [-1.0, 0.0, 0.0, 0.0]


def test_one_item_has_no_other() -> None:
    assert alike(torch.ones(2, 2), 3).items.tolist() == [0, 0, 0]


@pytest.mark.parametrize("at_once", [1, 130, 10_000])
def test_agrees_with_all_products_at_once_whatever_the_block(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "_PRODUCTS_AT_ONCE", at_once)
    table = random_vectors(61, seed=4).double()
    products = table[1:] @ table[1:].T
    apart = ~torch.eye(61, dtype=torch.bool)
    best, which = products.masked_fill(~apart, -torch.inf).max(dim=1)
    nearest = alike(table, 63)
    assert torch.equal(nearest.items[1:62], which + 1)
    least, most = products[apart].aminmax()
    torch.testing.assert_close(nearest.scores[1:62].double(), (best - least) / (most - least))
    assert nearest.items[62] == 0


def test_the_vectors_are_left_alone() -> None:
    table = random_vectors(8)
    before = table.clone()
    alike(table, 9)
    assert torch.equal(table, before)


def test_there_are_no_neighbours_before_the_first_epoch_and_new_ones_at_each() -> None:
    similarity, items = Embedding(spec_of(20)), torch.arange(21)
    assert similarity(items).tolist() == [0] * 21
    similarity.begin_epoch(snapshot(random_vectors(20, seed=0)))
    first = similarity(items)
    similarity.begin_epoch(snapshot(random_vectors(20, seed=1)))
    assert not torch.equal(similarity(items), first)
    similarity.begin_epoch(snapshot(random_vectors(20, seed=0)))
    assert torch.equal(similarity(items), first)
