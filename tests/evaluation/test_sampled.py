from __future__ import annotations

from itertools import combinations
from math import log2

import numpy as np
import pytest
from scipy import stats

from sracl.evaluation.metrics import per_user
from sracl.evaluation.sampled import expected


def of_one(rank: int, others: int, cutoff: int, *, sampled: int) -> dict[str, float]:
    found = expected(np.asarray([rank]), np.asarray([others]), [cutoff], sampled=sampled)
    return {name.partition("@")[0]: float(values[0]) for name, values in found.items()}


def test_two_of_four_by_hand() -> None:
    # one of four stands before the target; of the 6 pairs 3 are without it: half at rank 1, half at rank 2
    assert of_one(2, 4, 1, sampled=2) == pytest.approx({"hr": 0.5, "ndcg": 0.5, "mrr": 0.5})
    assert of_one(2, 4, 2, sampled=2) == pytest.approx({"hr": 1.0, "ndcg": 0.5 + 0.5 / log2(3), "mrr": 0.75})


@pytest.mark.parametrize("sampled", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("cutoff", [1, 2, 4, 9])
def test_it_is_the_mean_over_all_draws(sampled: int, cutoff: int) -> None:
    for others in (6, 8):
        for rank in range(1, others + 2):
            draws = list(combinations(range(1, others + 1), sampled))  # the first rank - 1 stand before the target
            ranks = np.asarray([1 + sum(item < rank for item in drawn) for drawn in draws])
            means = {name.partition("@")[0]: values.mean() for name, values in per_user(ranks, [cutoff]).items()}
            assert of_one(rank, others, cutoff, sampled=sampled) == pytest.approx(means, abs=1e-12)


def test_it_is_what_drawing_shows() -> None:
    rng = np.random.default_rng(0)
    ranks, others = np.asarray([1, 2, 5, 9, 20, 40, 80, 150, 301]), np.asarray([300, 250, 300, 280, 300, 299, 300, 300, 300])
    found = expected(ranks, others, [5, 10], sampled=100)
    drawn = [rng.random((2000, count)).argsort(1)[:, :100] for count in others]  # places of items, from 0
    placed = np.stack([1 + (items < rank - 1).sum(1) for items, rank in zip(drawn, ranks, strict=True)])  # [users, draws]
    for name, values in per_user(placed, [5, 10]).items():
        means = values.mean(0)  # over users, draw by draw
        assert found[name].mean() == pytest.approx(means.mean(), abs=4 * means.std() / 2000**0.5), name
        assert found[name][4] == pytest.approx(values[4].mean(), abs=4 * values[4].std() / 2000**0.5), name  # rank 20 by itself


def test_of_a_large_catalogue_it_is_the_hypergeometric_distribution() -> None:
    ranks, others = np.asarray([1, 30, 500, 1200, 12_101]), np.asarray([12_100, 12_000, 12_050, 12_100, 12_100])
    found = expected(ranks, others, [10], sampled=100)
    assert found["hr@10"] == pytest.approx(stats.hypergeom.cdf(9, others, ranks - 1, 100), rel=1e-8, abs=1e-15)


def test_where_all_are_drawn_it_is_the_full_ranking() -> None:
    ranks = np.arange(1, 31)
    found = expected(ranks, np.full(30, 29), [5, 40], sampled=29)
    for name, values in per_user(ranks, [5, 40]).items():
        assert found[name] == pytest.approx(values * 1.0, abs=1e-9)


def test_a_target_that_is_no_candidate_counts_for_nothing() -> None:
    # 50 items, of which the user has had 10, the target among them: its rank is 51
    found = expected(np.asarray([51, 1]), np.asarray([39, 39]), [20], sampled=10)
    assert [values.tolist() for values in found.values()] == [[0, 1]] * 3


def test_more_than_there_are_cannot_be_drawn() -> None:
    for sampled in (0, 6):
        with pytest.raises(ValueError, match=f"from 1 to 5 items can be drawn, got {sampled}"):
            expected(np.asarray([1, 1]), np.asarray([5, 9]), [10], sampled=sampled)
