"""Attention's hand-written derivatives against finite differences, and both functions against the plain formula."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sracl.backbones.attention import attend, attend_last
from sracl.backbones.packing import Packing
from sracl.contracts.backbone import sequences

HEADS, SIZE = 2, 3
LENGTHS = [1, 7, 5, 6, 2, 7]  # several groups, of which the last carries padding


def _packing() -> tuple[Packing, list[Tensor]]:
    packing = Packing(*sequences(LENGTHS))
    return packing, [bias.double() for bias in packing.biases(causal=True)]


def _plain(qkv: Tensor, packing: Packing, biases: list[Tensor]) -> Tensor:
    parts = []
    for group, bias in zip(packing.groups, biases, strict=True):
        q, k, v = group.of(qkv).view(group.rows, group.width, 3, HEADS, SIZE).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) / math.sqrt(SIZE) + bias[:, None]).softmax(-1)
        parts.append((weights @ v).transpose(1, 2).reshape(-1, HEADS * SIZE))
    return torch.cat(parts)


def test_attend_is_the_formula() -> None:
    packing, biases = _packing()
    qkv = torch.randn(len(packing.items), 3 * HEADS * SIZE, dtype=torch.float64)
    torch.testing.assert_close(attend(qkv, packing.groups, biases, HEADS, 0.0), _plain(qkv, packing, biases))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_attend_has_the_derivative_of_the_formula(dropout: float) -> None:
    packing, biases = _packing()
    qkv = torch.randn(len(packing.items), 3 * HEADS * SIZE, dtype=torch.float64, requires_grad=True)

    def with_one_mask(x: Tensor) -> Tensor:
        torch.manual_seed(0)
        return attend(x, packing.groups, biases, HEADS, dropout)

    assert torch.autograd.gradcheck(with_one_mask, (qkv,))


def test_attend_last_is_the_last_line_of_attention_whose_keys_and_values_are_the_tokens() -> None:
    packing, biases = _packing()
    width = HEADS * SIZE
    tokens = torch.randn(len(packing.items), width, dtype=torch.float64)
    queries = torch.randn(len(LENGTHS), HEADS, width, dtype=torch.float64)
    mixed, sums = attend_last(tokens, queries, packing.groups, biases, 0.0)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    for group in packing.groups:
        for place in range(group.rows):
            row = group.first_row + place
            length = int(packing.lengths[row])
            x = group.of(tokens)[place, group.width - length :]  # without padding, which must not count
            torch.testing.assert_close(mixed[row], (queries[row] @ x.T).softmax(-1) @ x)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_attend_last_has_the_right_derivative(dropout: float) -> None:
    packing, biases = _packing()
    tokens = torch.randn(len(packing.items), 4, dtype=torch.float64, requires_grad=True)
    queries = torch.randn(len(LENGTHS), HEADS, 4, dtype=torch.float64, requires_grad=True)

    def with_one_mask(x: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        return attend_last(x, q, packing.groups, biases, dropout)

    assert torch.autograd.gradcheck(with_one_mask, (tokens, queries))


def test_dropout_keeps_the_mean_of_the_weights() -> None:
    # 4,000 rows of one token: each gathers itself, times 0 or 1 / .7; the mean of the factors is 1 with a standard error of
    # sqrt(.3 / .7 / 8000) = .0073
    packing = Packing(*sequences([1] * 4000))
    torch.manual_seed(3)
    queries = torch.zeros(4000, HEADS, 2)
    _, sums = attend_last(torch.ones(4000, 2), queries, packing.groups, packing.biases(causal=True), 0.3)
    assert {round(value, 5) for value in sums.unique().tolist()} == {0.0, round(1 / 0.7, 5)}
    assert abs(sums.mean().item() - 1) < 5 * 0.0073


def test_a_second_derivative_is_refused() -> None:
    packing = Packing(*sequences([2]))
    qkv = torch.randn(2, 6, requires_grad=True)
    (slope,) = torch.autograd.grad(attend(qkv, packing.groups, packing.biases(causal=True), 1, 0.0).sum(), qkv, create_graph=True)
    with pytest.raises(RuntimeError):
        slope.sum().backward()


def test_biases_take_the_precision_of_the_states() -> None:
    packing = Packing(*sequences(LENGTHS))
    for dtype in (torch.float64, torch.bfloat16):
        qkv = torch.randn(len(packing.items), 6, dtype=dtype)
        assert attend(qkv, packing.groups, packing.biases(causal=True), 1, 0.5).dtype == dtype
