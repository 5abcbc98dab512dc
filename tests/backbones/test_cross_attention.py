"""Attention between two views against values by hand."""

from __future__ import annotations

import torch
from torch import nn

from sracl.backbones.cross_attention import CrossAttention
from sracl.backbones.packing import Packing


def identity() -> CrossAttention:
    """Width 2, one head, every projection the identity."""
    attention = CrossAttention(2, num_heads=1)
    with torch.no_grad():
        for projection in (attention.first, attention.second):
            projection.weight.copy_(torch.eye(2).repeat(3, 1))
        for output in (attention.first_output, attention.second_output):
            output.weight.copy_(torch.eye(2))
            output.bias.zero_()
    return attention


def test_by_hand() -> None:
    # X = (1, 0), (0, 1); Y = (0, 0), (1, 0). The first token sees itself alone: X' = (1, 0) and Y' = (0, 0), without residual.
    # The second of X' asks with (1, 0): scores 1/√2 and 0, weights .669762 and .330238 of (1, 0) and (0, 1).
    # The second of Y' asks with (0, 1): scores 0 and 0, half of (0, 0) and half of (1, 0).
    packing = Packing(torch.tensor([[1, 2]]), torch.tensor([2]))
    first, second = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    from_first, from_second = identity()(first, second, packing, packing.biases(causal=True))
    torch.testing.assert_close(from_first, torch.tensor([[1.0, 0.0], [0.669762, 0.330238]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(from_second, torch.tensor([[0.0, 0.0], [0.5, 0.0]]), atol=1e-6, rtol=0)


def test_neither_padding_nor_later_tokens_are_seen() -> None:
    torch.manual_seed(0)
    attention = CrossAttention(8, num_heads=2)
    # rows of 5 and 6 share a group of width 6
    packing = Packing(torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6]]), torch.tensor([5, 6]))
    biases = packing.biases(causal=True)
    first, second = torch.randn(2, 12, 8)
    before = attention(first, second, packing, biases)
    for place in (0, 11):  # padding of the first row, last token of the second
        changed = [view.clone() for view in (first, second)]
        for view in changed:
            view[place] = torch.randn(8)
        others = torch.arange(12) != place
        for old, new in zip(before, attention(*changed, packing, biases), strict=True):
            assert torch.equal(old[others], new[others])
            assert not torch.equal(old[place], new[place])


def test_queries_keys_and_values_have_no_biases_and_outputs_have() -> None:
    attention = CrossAttention(4, num_heads=2)
    biased = {name for name, part in attention.named_modules() if isinstance(part, nn.Linear) and part.bias is not None}
    assert biased == {"first_output", "second_output"}
