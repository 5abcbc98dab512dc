from __future__ import annotations

import torch

from sracl.similarities.nearest import Nearest, rescaled


def test_none_has_no_neighbour_and_a_score_below_all() -> None:
    nothing = Nearest.none(3)
    assert nothing.items.tolist() == [0, 0, 0]
    assert nothing.scores.tolist() == [-1.0, -1.0, -1.0]


def test_of_two_the_larger_score_counts_and_the_first_where_they_are_equal() -> None:
    one = Nearest(torch.tensor([0, 2, 3, 1, 0]), torch.tensor([-1.0, 0.5, 0.5, 0.5, -1.0]))
    other = Nearest(torch.tensor([0, 3, 1, 2, 1]), torch.tensor([-1.0, 0.4, 0.5, 0.6, 0.0]))
    both = one.or_nearer(other)
    assert both.items.tolist() == [0, 2, 3, 2, 1]
    torch.testing.assert_close(both.scores, torch.tensor([-1.0, 0.5, 0.5, 0.6, 0.0]))


def test_the_least_becomes_0_and_the_most_1() -> None:
    values = torch.tensor([-1.0, 1.0, 3.0])
    assert rescaled(values, *values.aminmax()).tolist() == [0.0, 0.5, 1.0]


def test_equal_values_become_0() -> None:
    values = torch.tensor([2.0, 2.0])
    assert rescaled(values, *values.aminmax()).tolist() == [0.0, 0.0]
