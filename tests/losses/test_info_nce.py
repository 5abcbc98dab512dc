from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import pytest
import torch

from sracl.contracts.loss import LabelledContrastiveLossContract, normal
from sracl.losses.info_nce import info_nce

if TYPE_CHECKING:
    from sracl.interfaces import ContrastiveLoss

A = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
B = torch.tensor([[1.0, 1.0], [0.0, 1.0]])


class TestInfoNCE(LabelledContrastiveLossContract):
    def loss(self) -> ContrastiveLoss:
        return info_nce


@pytest.mark.parametrize(
    ("anchor", "positive", "similarity", "expected"),
    [
        # Logits of A with B: rows (1, 0) and (2, 2), so log(1 + e⁻¹) = .313262 and log 2 = .693147.
        (A, B, "dot", 0.503204),
        # The other way round, the transposed table: rows (1, 2) and (0, 2): 1.313262 and .126928.
        (B, A, "dot", 0.720095),
        # Cosines: rows (√½, 0) and (√½, 1): log(1 + e^-.707107) = .400834 and log(1 + e^-.292893) = .557386.
        (A, B, "cosine", 0.479110),
        # Two views of which one side is orthonormal: logits (2, 0) and (1, 1): .126928 and .693147.
        (torch.eye(2), torch.tensor([[2.0, 1.0], [0.0, 1.0]]), "dot", 0.410038),
    ],
)
def test_two_pairs_by_hand(anchor: torch.Tensor, positive: torch.Tensor, similarity: Literal["dot", "cosine"], expected: float) -> None:
    torch.testing.assert_close(info_nce(anchor, positive, similarity=similarity), torch.tensor(expected), atol=1e-5, rtol=0)


def test_temperature_divides_the_logits() -> None:
    # Logits I / 0.5: each row costs -log(e² / (e² + 1)) = log(1 + e⁻²).
    torch.testing.assert_close(info_nce(torch.eye(2), torch.eye(2), temperature=0.5), torch.tensor(math.log1p(math.exp(-2))))


@pytest.mark.parametrize("size", [4, 256])
def test_rows_that_cannot_be_told_apart_cost_the_log_of_the_batch(size: int) -> None:
    # log 4 = 1.386294, log 256 = 5.545177
    torch.testing.assert_close(info_nce(torch.zeros(size, 3), torch.zeros(size, 3)), torch.tensor(math.log(size)))


def test_a_shift_along_an_anchor_row_changes_nothing() -> None:
    # Adding v to every positive adds a_i · v to all logits of row i.
    anchor, positive, shift = normal(5, 4), normal(5, 4, seed=1), normal(1, 4, seed=2)
    torch.testing.assert_close(info_nce(anchor, positive + shift), info_nce(anchor, positive))


def test_cosine_does_not_see_lengths() -> None:
    anchor, positive = normal(5, 4), normal(5, 4, seed=1)
    lengths = torch.tensor([[0.1], [3.0], [1.0], [20.0], [7.0]])
    torch.testing.assert_close(info_nce(anchor * lengths, positive, similarity="cosine"), info_nce(anchor, positive, similarity="cosine"))


def test_gradient_is_the_derivative() -> None:
    sides = normal(3, 4).double().requires_grad_(), normal(3, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: info_nce(a, b, temperature=0.7, similarity="cosine"), sides)


def test_labels_by_hand() -> None:
    # Logits, rows (1, 0, 2), (2, 2, 0), (2, 1, 2). Rows 1 and 3 share a label and leave the other's column out:
    # log(1 + e⁻¹) = .313262, log(2 + e⁻²) = .758624, log(1 + e⁻¹) = .313262.
    anchor, positive = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), torch.tensor([[1.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    value = info_nce(anchor, positive, torch.tensor([5, 6, 5]))
    torch.testing.assert_close(value, torch.tensor(0.461716), atol=1e-5, rtol=0)


@pytest.mark.parametrize("similarity", ["dot", "cosine"])
def test_labels_leave_out_what_the_definition_leaves_out(similarity: Literal["dot", "cosine"]) -> None:
    anchor, positive, labels = normal(6, 3), normal(6, 3, seed=1), [4, 7, 4, 4, 9, 7]
    ours, theirs = ([row if similarity == "dot" else row / row.norm() for row in side] for side in (anchor, positive))
    costs = []
    for i, row in enumerate(ours):
        logits = {j: float(row @ other) / 0.7 for j, other in enumerate(theirs) if j == i or labels[j] != labels[i]}
        costs.append(math.log(sum(map(math.exp, logits.values()))) - logits[i])
    value = info_nce(anchor, positive, torch.tensor(labels), temperature=0.7, similarity=similarity)
    torch.testing.assert_close(value, torch.tensor(sum(costs) / 6))


def test_gradient_with_labels_is_the_derivative() -> None:
    sides = normal(4, 3).double().requires_grad_(), normal(4, 3, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: info_nce(a, b, torch.tensor([1, 2, 1, 3])), sides)
