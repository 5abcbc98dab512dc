from __future__ import annotations

import math

import numpy as np
import pytest

from sracl.evaluation.metrics import metrics, per_user


@pytest.mark.parametrize(
    ("rank", "gain"),
    [
        (1, 1.0),  # 1 / log2(2)
        (2, 0.630930),  # 1 / log2(3) = 1 / 1.584963
        (10, 0.289065),  # 1 / log2(11) = 1 / 3.459432
        (20, 0.227670),  # 1 / log2(21) = 1 / 4.392317
    ],
)
def test_ndcg_of_one_user(rank: int, gain: float) -> None:
    values = metrics(np.array([rank]), [20])
    assert values["ndcg@20"] == pytest.approx(gain, abs=5e-7)
    assert values["hr@20"] == 1.0
    assert values["mrr@20"] == 1 / rank


def test_means_over_users_and_a_cutoff_that_counts_itself() -> None:
    values = metrics(np.array([1, 5, 6, 100]), [5, 10])
    assert values["hr@5"] == 2 / 4  # ranks 1 and 5; 6 is just outside
    assert values["hr@10"] == 3 / 4
    assert values["mrr@5"] == (1 + 1 / 5) / 4
    assert values["ndcg@10"] == pytest.approx((1 + 1 / math.log2(6) + 1 / math.log2(7)) / 4, abs=1e-15)


def test_names_come_cutoff_by_cutoff() -> None:
    assert list(metrics(np.array([3]), [5, 20])) == ["hr@5", "ndcg@5", "mrr@5", "hr@20", "ndcg@20", "mrr@20"]


def test_values_are_not_rounded() -> None:
    assert metrics(np.array([3, 7, 9]), [10])["mrr@10"] == pytest.approx((1 / 3 + 1 / 7 + 1 / 9) / 3, abs=1e-16)


def test_a_rank_above_the_item_count_is_not_recommended_even_within_the_cutoff() -> None:
    ranks = np.array([8, 9])  # of 8 items: the second target could not be recommended
    assert metrics(ranks, [10], num_items=8)["hr@10"] == 1 / 2
    assert metrics(ranks, [10])["hr@10"] == 1.0


@pytest.mark.parametrize("ranks", [np.array([], dtype=np.int64), np.array([0, 1]), np.array([1.0, 2.0])], ids=["none", "zero", "float"])
def test_what_is_no_rank_is_refused(ranks: np.ndarray) -> None:
    with pytest.raises(ValueError, match="rank"):
        metrics(ranks, [5])


def test_a_cutoff_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="cut-offs are at least 1"):
        metrics(np.array([1]), [5, 0])


def test_of_every_user() -> None:
    values = per_user(np.array([1, 5, 6]), [5], num_items=5)
    assert values["hr@5"].tolist() == [True, True, False]
    assert values["mrr@5"].tolist() == [1.0, 1 / 5, 0.0]
    assert per_user(np.array([6]), [10], num_items=5)["hr@10"].tolist() == [False]  # not recommended at all
