"""Filters sequences by frequency, on packed tokens: a fixed low pass, and a learned gain for what it takes away.

The low pass of a sequence of n states is a symmetric n × n matrix that depends on n alone, so that no transform is needed:
all of them are made once, and a group of rows is one batched product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from sracl.backbones.dropout import Dropout

if TYPE_CHECKING:
    from sracl.backbones.packing import Packing


def low_pass(length: int, cutoff: int) -> Tensor:
    """P, float64 [n, n], with which P x is x without its higher frequencies: P = P², P = Pᵀ.

    The real Fourier transform of n states has ⌊n/2⌋ + 1 frequencies; the lowest ⌊c/2⌋ + 1 stay.

    Args:
        length: n, at least 1.
        cutoff: c; from n on, P is the identity.
    """
    spectrum = torch.fft.rfft(torch.eye(length, dtype=torch.float64), norm="ortho")
    spectrum[:, cutoff // 2 + 1 :] = 0
    matrix: Tensor = torch.fft.irfft(spectrum, n=length, norm="ortho")
    return matrix


class LowPass(nn.Module):
    """The low pass of every row of a packing.

    Args:
        longest: Longest sequence, L.
        cutoff: c, see `low_pass`.
        over_padding: Filter rows in the full width of their group instead of their real items.
    """

    table: Tensor
    """P of every length 0..L in the lower right corner of its L × L values, the rest zero: float [L + 1, L, L]."""

    def __init__(self, longest: int, cutoff: int, *, over_padding: bool) -> None:
        super().__init__()
        self.over_padding = over_padding
        table = torch.zeros(longest + 1, longest, longest)
        for length in range(1, longest + 1):
            table[length, -length:, -length:] = low_pass(length, cutoff)
        self.register_buffer("table", table, persistent=False)  # says nothing that a checkpoint must keep

    def forward(self, x: Tensor, packing: Packing, *, last: bool) -> Tensor:
        """P x of every token, float [T, d] -> [T, d], or of the sorted rows' last tokens, [N, d]."""
        filtered = []
        for group, tokens in zip(packing.groups, x.split([group.tokens for group in packing.groups]), strict=True):
            matrices = self.table[:, -1 if last else -group.width :, -group.width :]
            if group.padded and not self.over_padding:
                matrices = matrices[group.row(packing.lengths)]  # [rows, width or 1, width]
            else:
                matrices = matrices[group.width].expand(group.rows, -1, -1)
            filtered.append(torch.bmm(matrices, tokens.view(group.rows, group.width, -1)).flatten(0, 1))
        return torch.cat(filtered).to(x.dtype)  # to be mixed with x, whatever products are taken in


class FrequencyFilter(nn.Module):
    """Low frequencies as they are, the others with a learned gain; with residual and norm.

        f = P x + s² ∘ (x − P x);  LN(x + Drop(f))

    Args:
        hidden_size: d.
        low_pass: P; layers may share one.
        dropout: Probability on f.

    Source: Shin et al. 2024, arXiv:2312.10325. The gain is a square, so that it is never negative.
    """

    def __init__(self, hidden_size: int, low_pass: LowPass, dropout: float) -> None:
        super().__init__()
        self.low_pass = low_pass
        self.root_gain = nn.Parameter(torch.randn(hidden_size))
        self.norm = nn.LayerNorm(hidden_size, eps=1e-12)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, packing: Packing, last: Tensor | None) -> Tensor:
        """Tokens [T, d] -> [T, d], or [N, d] for the sorted rows' last tokens only, when their places are given."""
        asking = x if last is None else x[last]
        low = self.low_pass(x, packing, last=last is not None)
        filtered = torch.lerp(low, asking, self.root_gain.square())
        result: Tensor = self.norm(self.dropout.add(filtered, asking))
        return result
