from __future__ import annotations

import numpy as np
import pytest

from sracl.data.datasets import load
from sracl.data.interactions import Interactions
from sracl.data.splits import training_prefixes
from sracl.errors import DataError
from sracl.semantics import neighbours


@pytest.mark.parametrize("unit", ["prefix", "user"])
@pytest.mark.parametrize("pool", ["train", "all"])
def test_every_sample_finds_its_row(unit: str, pool: str) -> None:
    demo = load("demo")
    samples = training_prefixes(demo, 20)
    found = neighbours.sequence_pool(demo, 20, unit=unit, pool=pool)  # type: ignore[arg-type]
    assert found.rows.shape == (len(samples),)
    np.testing.assert_array_equal(found.prefixes.users[found.rows], samples.users)
    if unit == "prefix":
        np.testing.assert_array_equal(found.prefixes.visible[found.rows], samples.visible)
        np.testing.assert_array_equal(found.prefixes.stops[found.rows], samples.stops)


def test_pools_of_the_shop(shop: Interactions) -> None:
    # ann has 6 interactions and ben 4: training prefixes t = 1..3 and 1, all prefixes t = 1..5 and 1..3.
    def visible(unit: str, pool: str) -> list[int]:
        found = neighbours.sequence_pool(shop, 20, unit=unit, pool=pool)  # type: ignore[arg-type]
        return [int(t) for t in found.prefixes.visible]

    assert visible("prefix", "train") == [1, 2, 3, 1]
    assert visible("prefix", "all") == [1, 2, 3, 4, 5, 1, 2, 3]
    assert visible("user", "train") == [3, 1]
    assert visible("user", "all") == [5, 3]
    rows = neighbours.sequence_pool(shop, 20, unit="prefix", pool="all").rows
    assert rows.tolist() == [0, 1, 2, 5]


def test_the_leaky_pool_has_no_targets_beyond_training(shop: Interactions) -> None:
    # ann's x_2 … x_4 train; x_5 and x_6 would validate and test. ben's x_2 trains.
    pool = neighbours.sequence_pool(shop, 20, unit="prefix", pool="all").prefixes
    names = [shop.item_ids[target - 1] if target else "" for target in pool.targets]
    assert names == ["ink", "box", "lamp", "", "", "pad", "", ""]


def test_groups(shop: Interactions) -> None:
    pool = training_prefixes(shop, 20)
    assert neighbours.groups(pool, "same_user").tolist() == [0, 0, 0, 1]
    assert neighbours.groups(pool, "same_row").tolist() == [0, 1, 2, 3]


def test_k_larger_than_the_pool_is_refused_with_numbers() -> None:
    neighbours.check_pool(11, 10, "semantics.items")
    with pytest.raises(DataError, match=r"semantics\.items: k = 10 .* pool of 10 rows has only 9 others"):
        neighbours.check_pool(10, 10, "semantics.items")


def test_item_neighbours_have_no_padding() -> None:
    table = neighbours.item_table(np.array([[1, -1], [0, 2], [-1, -1]]))
    assert table.tolist() == [[0, 0], [2, 0], [1, 3], [0, 0]]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[1, 2, 3]], "shape"),
        ([[1, 4]], "rows 0..3"),
        ([[1, -2]], "rows 0..3"),
        ([[1, 0]], "own group"),
        ([[3, 1]], "own group"),
        ([[1, 1]], "twice"),
    ],
)
def test_a_table_that_breaks_the_rule_is_refused(ids: list[list[int]], message: str) -> None:
    # Row 0 asks; it shares a group with row 3.
    groups = np.array([0, 1, 2, 0])
    neighbours.check_table(np.array([[1, 2]]), np.array([0]), groups, 2, "Exact")
    neighbours.check_table(np.array([[1, -1]]), np.array([0]), groups, 2, "Exact")
    neighbours.check_table(np.array([[-1, -1]]), np.array([0]), groups, 2, "Exact")
    with pytest.raises(DataError, match=message):
        neighbours.check_table(np.array(ids), np.array([0]), groups, 2, "Exact")
