from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import pytest
import torch

from sracl.contracts.loss import LabelledContrastiveLossContract, normal
from sracl.losses.info_nce import info_nce
from sracl.losses.nt_xent import nt_xent

if TYPE_CHECKING:
    from sracl.interfaces import ContrastiveLoss

A = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
B = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
AXES = torch.eye(2)
TILTED = torch.tensor([[2.0, 1.0], [0.0, 1.0]])


class TestNTXent(LabelledContrastiveLossContract):
    def loss(self) -> ContrastiveLoss:
        return nt_xent


@pytest.mark.parametrize(
    ("anchor", "positive", "similarity", "temperature", "expected"),
    [
        # Dot table of (a1, a2, b1, b2): rows (1,0,1,0), (0,4,2,2), (1,2,2,1), (0,2,1,1). Row 1 without itself costs
        # log(e⁰ + e¹ + e⁰) - 1 = .551445; the others .758624, 1.551445, .407606.
        (A, B, "dot", 1.0, 0.817280),
        # Cosines over .5; rows .396245, .525913, 1.098612, .525913.
        (A, B, "cosine", 0.5, 0.636671),
        # Dot table of (e1, e2, (2,1), (0,1)); rows .239545, .861995, .551445, .861995.
        (AXES, TILTED, "dot", 1.0, 0.628745),
        # The same over .5; rows .035976, .758624, .239545, .758624.
        (AXES, TILTED, "dot", 0.5, 0.448192),
        # Their cosines; rows .597563, .664348, .823655, .664348.
        (AXES, TILTED, "cosine", 1.0, 0.687479),
        # Their cosines over .5; rows .288409, .382781, .597563, .382781.
        (AXES, TILTED, "cosine", 0.5, 0.412883),
    ],
)
def test_two_pairs_by_hand(
    anchor: torch.Tensor, positive: torch.Tensor, similarity: Literal["dot", "cosine"], temperature: float, expected: float
) -> None:
    value = nt_xent(anchor, positive, temperature=temperature, similarity=similarity)
    torch.testing.assert_close(value, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("anchor", "positive", "expected"),
    [
        # Rows 1.696357, 1.184995, 1.317951, 2.317951, .696357, 1.184995.
        ([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 1.0], [2.0, 0.0]], 1.399768),
        # Dot table of the six rows, without the diagonal: (1,0,1,.5,0), (1,1,1.5,1.5,2), (0,1,.5,1,2), …
        ([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [[1.0, 0.5], [0.5, 1.0], [0.0, 2.0]], 1.313713),
    ],
)
def test_three_pairs_by_hand(anchor: list[list[float]], positive: list[list[float]], expected: float) -> None:
    value = nt_xent(torch.tensor(anchor), torch.tensor(positive))
    torch.testing.assert_close(value, torch.tensor(expected), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [4, 256])
def test_rows_that_cannot_be_told_apart_cost_the_log_of_the_others(size: int) -> None:
    # log 7 = 1.945910, log 511 = 6.236370
    torch.testing.assert_close(nt_xent(torch.zeros(size, 3), torch.zeros(size, 3)), torch.tensor(math.log(2 * size - 1)))


def test_swapping_the_sides_changes_nothing() -> None:
    anchor, positive = normal(5, 4), normal(5, 4, seed=1)
    torch.testing.assert_close(nt_xent(anchor, positive), nt_xent(positive, anchor))


def test_is_never_below_the_mean_of_both_ways() -> None:
    # Each row has the one-way negatives and more: .817280 >= (.503204 + .720095) / 2 = .611650.
    for seed in range(20):
        anchor, positive = (A, B) if seed == 0 else (normal(5, 4, seed=seed), normal(5, 4, seed=seed + 100))
        assert nt_xent(anchor, positive) >= (info_nce(anchor, positive) + info_nce(positive, anchor)) / 2


def test_gradient_is_the_derivative() -> None:
    sides = normal(3, 4).double().requires_grad_(), normal(3, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, temperature=0.7), sides)


@pytest.mark.parametrize(
    ("anchor", "positive", "labels", "expected"),
    [
        # The three pairs above. Rows .551445, 1.180270, .739183, .958020, 1.180270, 1.253681: the first, without its equals
        # a2 and b2, costs log(e¹ + e⁰ + e⁰) - 1.
        ([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], [[1.0, 0.5], [0.5, 1.0], [0.0, 2.0]], [5, 5, 7], 0.977145),
        # Rows .551445, 1.184995, .861995, 1.551445, .696357, .239545; those of the second pair are as without labels.
        ([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 1.0], [2.0, 0.0]], [5, 6, 5], 0.847630),
        # States against the centres of their clusters; rows .740805, .590924, 1.597301, .362230.
        ([[1.0, 0.0], [0.0, 2.0]], [[0.6, 0.8], [0.0, 1.0]], [0, 1], 0.822815),
        # Both in one cluster: nothing to tell apart.
        ([[1.0, 0.0], [0.0, 2.0]], [[0.6, 0.8], [0.0, 1.0]], [3, 3], 0.0),
    ],
)
def test_labels_by_hand(anchor: list[list[float]], positive: list[list[float]], labels: list[int], expected: float) -> None:
    value = nt_xent(torch.tensor(anchor), torch.tensor(positive), torch.tensor(labels))
    torch.testing.assert_close(value, torch.tensor(expected), atol=1e-5, rtol=0)


def test_gradient_with_labels_is_the_derivative() -> None:
    sides = normal(4, 3).double().requires_grad_(), normal(4, 3, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, torch.tensor([1, 2, 1, 3])), sides)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_labels_leave_out_what_the_definition_leaves_out(similarity: Literal["dot", "cosine"]) -> None:
    anchor, positive, labels = normal(6, 3), normal(6, 3, seed=1), [4, 7, 4, 4, 9, 7]
    rows = [
        (row if similarity == "dot" else row / row.norm(), label)
        for side in (anchor, positive)
        for row, label in zip(side, labels, strict=True)
    ]
    costs = []
    for i, (row, label) in enumerate(rows):
        partner = (i + 6) % 12
        logits = {j: float(row @ other) / 0.7 for j, (other, theirs) in enumerate(rows) if j == partner or (j != i and theirs != label)}
        costs.append(math.log(sum(map(math.exp, logits.values()))) - logits[partner])
    value = nt_xent(anchor, positive, torch.tensor(labels), temperature=0.7, similarity=similarity)
    torch.testing.assert_close(value, torch.tensor(sum(costs) / 12))
