from __future__ import annotations

import numpy as np

from sracl.contracts.retriever import RetrieverContract
from sracl.retrievers.random import Random


class TestRandom(RetrieverContract):
    def retriever(self) -> Random:
        return Random()


def test_every_row_of_another_group_is_drawn_as_often() -> None:
    # 60 groups of 5 rows; each of 300 rows draws 10 of 295 others, so each is drawn 300 · 10 / 300 = 10 times on average,
    # with a deviation of about √10. Over 20 seeds: 200 times, with a deviation of about 14.
    groups = np.repeat(np.arange(60), 5)
    vectors = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    counts = np.zeros(300, dtype=np.int64)
    for seed in range(20):
        ids, _ = Random(seed=seed)(vectors, 10, queries=np.arange(300), groups=groups)
        counts += np.bincount(ids.ravel(), minlength=300)
    assert counts.sum() == 20 * 300 * 10
    assert 200 - 5 * 14 < counts.min() <= counts.max() < 200 + 5 * 14
    assert 10 < counts.std() < 18


def test_rows_scattered_over_the_pool_make_one_group() -> None:
    # Rows 0, 2, 4, … are one group and rows 1, 3, 5, … another: whoever asks is given the other parity, all of it at k = 50.
    vectors, groups = np.ones((100, 2), dtype=np.float32), np.arange(100) % 2
    ids, _ = Random()(vectors, 50, queries=np.array([4, 7]), groups=groups)
    assert ids.tolist() == [list(range(1, 100, 2)), list(range(0, 100, 2))]


def test_what_the_vectors_say_plays_no_part() -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 200, 8)).astype(np.float32)
    asked = {"queries": np.arange(200), "groups": np.arange(200)}
    first, second = (np.sort(Random()(vectors, 5, **asked)[0], axis=1) for vectors in (one, other))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, np.sort(Random(seed=1)(one, 5, **asked)[0], axis=1))
