from __future__ import annotations

import torch

from sracl.data.ranges import end_to_end


def test_ranges_may_overlap_be_empty_and_leave_gaps() -> None:
    ranges, places = end_to_end(torch.tensor([2, 5, 1, 9]), torch.tensor([4, 5, 4, 10]))
    assert ranges.tolist() == [0, 0, 2, 2, 2, 3]
    assert places.tolist() == [2, 3, 1, 2, 3, 9]


def test_no_ranges_hold_nothing() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    assert [found.tolist() for found in end_to_end(none, none)] == [[], []]
