"""Sequences of unlike length, laid end to end so that next to no padding is computed.

Rows are sorted into groups of one width each; a group of n rows is a [n, width] block of one long token axis. What works
token by token (projections, norms, feed-forward) sees the whole axis at once; attention runs group by group on views.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Group:
    """Rows of one width: sorted rows first_row..., tokens first_token... of the packed axis."""

    first_row: int
    rows: int
    width: int
    first_token: int

    @property
    def tokens(self) -> int:
        """Length of the group on the packed axis."""
        return self.rows * self.width


def widths(longest: int) -> list[int]:
    """The widths groups may have: every length up to 4, then steps of about a third, at last the longest."""
    steps = [width for width in (1, 2, 3, 4) if width < longest]
    while steps and steps[-1] >= 4 and (following := (steps[-1] * 4 + 2) // 3) < longest:
        steps.append(following)
    return [*steps, longest]


class Packing:
    """How a batch of left-padded sequences lies on the packed axis.

    Args:
        items: Ids, int64 [N, C], left-padded with 0.
        lengths: Real items per row, int64 [N], 1..C.
    """

    def __init__(self, items: Tensor, lengths: Tensor) -> None:
        self.columns = items.shape[1]
        allowed = torch.tensor(widths(self.columns), device=items.device)
        which = torch.bucketize(lengths, allowed)
        self.order = torch.argsort(which, stable=True)
        """Row of the caller that stands at each sorted place, int64 [N]."""
        self.lengths = lengths[self.order]
        self.groups: list[Group] = []
        row = token = 0
        for width, rows in zip(allowed.tolist(), torch.bincount(which, minlength=len(allowed)).tolist(), strict=True):
            if rows:
                self.groups.append(Group(row, rows, width, token))
                row, token = row + rows, token + rows * width
        ordered = items[self.order]
        self.items = torch.cat([ordered[g.first_row : g.first_row + g.rows, self.columns - g.width :].reshape(-1) for g in self.groups])
        """Ids along the packed axis, int64 [T]; 0 where a row is shorter than its group."""

    def slots(self, last: int) -> Tensor:
        """Position of every token when the last column is position `last`, int64 [T]."""
        device = self.items.device
        return torch.cat([torch.arange(last + 1 - g.width, last + 1, device=device).repeat(g.rows) for g in self.groups])

    def last(self) -> Tensor:
        """Place of every sorted row's last token on the packed axis, int64 [N]."""
        device = self.items.device
        return torch.cat([torch.arange(g.first_token + g.width - 1, g.first_token + g.tokens, g.width, device=device) for g in self.groups])

    def masks(self, *, causal: bool) -> list[Tensor]:
        """Per group, what attention must not see: bool [rows or 1, 1, width, width], True where forbidden.

        A real key no later than the query is seen (any real key if not causal); a token always sees itself, so that rows
        of padding stay finite.
        """
        result = []
        for g in self.groups:
            key = torch.arange(g.width, device=self.items.device)
            later = key[None, :] > key[:, None] if causal else torch.zeros(g.width, g.width, dtype=torch.bool, device=key.device)
            lengths = self.lengths[g.first_row : g.first_row + g.rows]
            padding = key[None, :] < (g.width - lengths)[:, None]  # [rows, width]
            own = key[None, :] == key[:, None]
            result.append(((padding[:, None, :] | later) & ~own)[:, None])
        return result

    def split(self, tokens: Tensor) -> Iterator[tuple[Group, Tensor]]:
        """The groups with their part of a packed tensor [T, …], as views [rows, width, …]."""
        parts = tokens.split([g.tokens for g in self.groups])
        for group, part in zip(self.groups, parts, strict=True):
            yield group, part.view(group.rows, group.width, *tokens.shape[1:])

    def restore(self, rows: Tensor) -> Tensor:
        """Sorted rows [N, …] in the caller's order."""
        inverse = torch.empty_like(self.order)
        inverse[self.order] = torch.arange(len(self.order), device=rows.device)
        return rows[inverse]

    def unpack(self, tokens: Tensor) -> Tensor:
        """Packed tokens [T, d] as [N, C, d] in the caller's order, zeros at padding."""
        blocks = []
        for group, block in self.split(tokens):
            real = self.items[group.first_token : group.first_token + group.tokens].view(group.rows, group.width, 1) != 0
            blocks.append(torch.nn.functional.pad(block * real, (0, 0, self.columns - group.width, 0)))
        return self.restore(torch.cat(blocks))
