from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from sracl.evaluation.groups import head_begins, history_groups, labels, names, target_groups


def test_the_bounds_belong_to_the_longer_group() -> None:
    # below 7; 7 to 10 inclusive; above 10: the groups of figure 7 of SRA-CL
    assert labels(np.array([3, 6, 7, 10, 11, 500])).tolist() == ["<7", "<7", "7-10", "7-10", ">10", ">10"]


def test_other_bounds_name_themselves() -> None:
    assert names((5, 6, 20)) == ("<5", "5", "6-19", ">19")


@pytest.mark.parametrize("bounds", [(), (7, 7), (11, 7)])
def test_bounds_that_do_not_ascend_are_refused(bounds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        names(bounds)


def test_groups_part_the_users_and_leave_nobody_out() -> None:
    lengths = np.array([5, 8, 8, 30])
    masks = history_groups(lengths)
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"history<7": 1, "history7-10": 2, "history>10": 1}
    assert (np.stack(list(masks.values())).sum(axis=0) == 1).all()


def test_a_group_without_users_is_left_out() -> None:
    assert list(history_groups(np.array([3, 4]))) == ["history<7"]


def test_the_head_is_the_most_popular_fifth_of_items_and_all_that_are_as_popular() -> None:
    assert head_begins(np.array([9, 1, 2, 3, 4])) == 9
    assert head_begins(np.array([9, 1, 2, 3, 4, 8])) == 8  # a fifth of six, rounded up
    assert head_begins(np.array([1, 0, 1, 1, 0])) == 1
    masks = target_groups(np.array([9, 2, 8, 7]), 8)
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "target-head": [True, False, True, False],
        "target-tail": [False, True, False, True],
    }
    assert list(target_groups(np.array([1, 1]), 1)) == ["target-head"]


@pytest.mark.skipif(not (Path(os.environ.get("SRACL_DATA", "/nowhere")) / "office").is_dir(), reason="needs office in SRACL_DATA")
def test_group_sizes_of_office() -> None:
    from sracl.data.datasets import load

    lengths = np.diff(load("office").offsets)
    # by all n interactions of a user: 2,054 / 1,275 / 1,576 of 4,905 users, counted in the released file
    assert [int(mask.sum()) for mask in history_groups(lengths).values()] == [2054, 1275, 1576]
