from __future__ import annotations

import math

import pytest
import torch

from sracl.objectives.preference import Link, preference


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        # σ(2) - σ(1) = .880797 - .731059 = .149738; log(1 + e^-.149738)
        ("sigmoid", 0.621078),
        # log(1 + e^-1)
        ("identity", 0.313262),
    ],
)
def test_of_a_score_of_two_and_one_of_one(link: Link, expected: float) -> None:
    value = preference(torch.tensor(2.0), torch.tensor(1.0), link=link)
    assert value.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("link", ["sigmoid", "identity"])
def test_equal_scores_cost_a_bit_whatever_they_are(link: Link) -> None:
    scores = torch.tensor([[-3.0, 0.0], [0.5, 40.0]])
    torch.testing.assert_close(preference(scores, scores, link=link), torch.full((2, 2), math.log(2)))


def test_a_sigmoid_bounds_the_loss() -> None:
    far = torch.tensor([1e4, -1e4])
    # log(1 + e^-1) and log(1 + e)
    torch.testing.assert_close(preference(far, -far, link="sigmoid"), torch.tensor([0.313262, 1.313262]), atol=1e-6, rtol=0)
    torch.testing.assert_close(preference(far, -far, link="identity"), torch.tensor([0.0, 2e4]))
